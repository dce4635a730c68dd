import { type ChildProcess, spawn } from "node:child_process";
import { findProgram } from "../util/program.ts";
import type { OwnerMarks } from "./owner.ts";

/**
 * A small process that outlives this one for a moment: when the engine closes, or its process ends in whatever way, it kills what
 * carries the engine's mark. A spinning worker or a command does not notice that its parent is gone; the warden does.
 */
export class Warden {
  readonly #marks: OwnerMarks;
  readonly #cgroups: string | undefined;
  #process: ChildProcess | undefined;

  /** @param cgroups the folder of the engine's cgroups */
  constructor(marks: OwnerMarks, cgroups: string | undefined) {
    this.#marks = marks;
    this.#cgroups = cgroups;
  }

  /** Starts it, unless it runs. @throws Error where its program is not there: nothing is started that could outlive this process */
  ensure(): void {
    if (this.#process) return;
    const { owner, limits } = this.#marks;
    const range = limits ? [String(limits.from), String(limits.to)] : [];
    const child = spawn(process.execPath, [findProgram("warden-main"), owner, this.#cgroups ?? "", ...range], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      cwd: "/",
    });
    this.#process = child;
    const ended = (how: string | undefined): void => {
      if (this.#process !== child) return;
      this.#process = undefined;
      if (how !== undefined) warnWithout(how);
    };
    child.once("exit", (code, signal) => ended(code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`));
    child.once("error", (error) => ended(`could not be started: ${error.message}`));
    child.stdin?.on("error", () => {}); // it was killed: its exit says so
    child.unref();
    (child.stdin as unknown as { unref?(): void } | null)?.unref?.();
  }

  /** Has it kill what is left, and resolves when it has. */
  async close(): Promise<void> {
    const child = this.#process;
    if (!child) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
    child.ref();
    child.stdin?.end();
    await ended;
  }

  /** The same without waiting for it. */
  release(): void {
    this.#process?.stdin?.destroy();
  }
}

/** Workers end all the same when their channel closes, and everything does with close(). */
function warnWithout(how: string): void {
  const message = `endstop's warden ${how}. Until the next process starts, which starts another, nothing kills what commands leave running if this process dies.`;
  process.emitWarning(message, { type: "EndstopWarning", code: "ENDSTOP_NO_WARDEN" });
}
