import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** From source the program is a TypeScript file beside this one; in the package it is an entry of its own. */
const PROGRAM = import.meta.url.endsWith(".ts") ? "./warden-main.ts" : "./warden-main.mjs";

/**
 * A small process that outlives this one for a moment: when the engine closes, or its process ends in whatever way, it kills what
 * carries the engine's mark. A spinning worker or a command does not notice that its parent is gone; the warden does.
 */
export class Warden {
  readonly #owner: string;
  readonly #cgroups: string | undefined;
  #process: ChildProcess | undefined;

  /** @param cgroups the folder of the engine's cgroups */
  constructor(owner: string, cgroups: string | undefined) {
    this.#owner = owner;
    this.#cgroups = cgroups;
  }

  /** Starts it, unless it runs. */
  ensure(): void {
    if (this.#process) return;
    const program = fileURLToPath(new URL(PROGRAM, import.meta.url));
    const child = spawn(process.execPath, [program, this.#owner, this.#cgroups ?? ""], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      cwd: "/",
    });
    this.#process = child;
    const ended = (): void => {
      if (this.#process === child) this.#process = undefined;
    };
    child.once("exit", ended);
    // It could not be started: workers still end when their channel closes, and with close().
    child.once("error", ended);
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
