import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { errorInfo } from "../../call/error-info.ts";
import { isStopped } from "../../processes/process-tree.ts";
import { Channel } from "../../transport/channel.ts";
import type { Clock } from "../../util/clock.ts";
import { type FromTemplate, PROTOCOL, type ToTemplate } from "./messages.ts";
import { Standstill } from "./standstill.ts";

/** How to start the Python that the host runs. */
export interface PythonCommand {
  /** Null where the host's program is no Python that could be started again: `refusal` says why. */
  readonly executable: string | null;
  readonly refusal?: string | undefined;
  /** The interpreter's own flags, such as `-X utf8`. */
  readonly flags: readonly string[];
  /** The host's `sys.path` as Python's own bytes, each entry ended by a zero: a path need not be UTF-8, nor short. */
  readonly path: Uint8Array;
  /** Of the host's environment, by name, what this process has not, or not as it is: latin-1 for the bytes. */
  readonly environment: Readonly<Record<string, string>>;
  /** Inherited descriptor for what workers print; null where the host has no standard output. */
  readonly stdout: number | null;
  /** The host's process id: while it lives, it cleans up after an engine that was killed. */
  readonly host: number;
  /** Private directory of the host, for the journals of its engines; null where there is none. */
  readonly journals: string | null;
}

export interface TemplateEvents {
  message(message: Exclude<FromTemplate, { readonly type: "ready" }>): void;
  /** Once, when its process has ended and its channel is closed. @param cameUp whether it had been ready to import anything */
  ended(description: string, cameUp: boolean): void;
}

/**
 * Takes the first frame itself, whose body is the path: so the template finds the same endstop as the host whatever the working directory
 * is, and however long the path.
 */
const BOOT = `import os, sys
def take(left):
    data = b""
    while len(data) < left:
        part = os.read(3, left - len(data))
        if not part:
            os._exit(0)
        data += part
    return data
lengths = take(8)
take(int.from_bytes(lengths[:4], "big"))
sys.path[:] = [os.fsdecode(entry) for entry in take(int.from_bytes(lengths[4:], "big")).split(b"\\0")[:-1]]
from endstop.worker.template import main
main()
`;

/** The process that has imported the tools' modules once and from which workers are forked. It never runs a tool. */
export class Template {
  /** Undefined where it could not even be started. */
  readonly #process: ChildProcess | undefined;
  readonly #channel: Channel | undefined;
  readonly #standstill: Standstill;
  #cameUp = false;
  #ended = false;

  /** Never throws: one that cannot be started ends at once. @param socket makes the socket that workers dial, or throws what hinders it */
  constructor(
    python: PythonCommand,
    socket: () => string,
    cgroups: string | undefined,
    clock: Clock,
    events: TemplateEvents,
  ) {
    const ended = (description: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      this.#standstill.close();
      this.#channel?.close();
      events.ended(description, this.#cameUp);
    };
    this.#standstill = new Standstill(
      clock,
      () => this.#process?.pid !== undefined && isStopped(this.#process.pid),
      () => this.kill(),
    );
    try {
      if (python.executable === null) throw new Error(python.refusal);
      const socketPath = socket();
      this.#process = spawn(python.executable, [...python.flags, "-c", BOOT], {
        stdio: ["ignore", python.stdout ?? "ignore", "inherit", "pipe"],
        detached: true, // a session of its own: Ctrl-C is the host's business
      });
      this.#process.once("error", (error) => ended(`could not be started: ${error.message}`));
      this.#process.once("exit", (code, signal) =>
        ended(signal ? `was ended by ${signal}` : `ended with exit code ${code}`),
      );
      // Without descriptors there is none, and the error is on its way.
      const pipe = this.#process.stdio?.[3] as Socket | undefined;
      if (!pipe) return;
      this.#channel = new Channel(pipe, pipe, {
        frame: ({ header }) => this.#heard(header as FromTemplate, events),
        closed: () => this.#process?.kill("SIGTERM"),
      });
      const { path, environment, host, journals } = python;
      this.#channel.send({ type: "path" }, path);
      this.send({
        type: "hello",
        protocol: PROTOCOL,
        environment,
        socket: socketPath,
        host,
        journals,
        cgroups: cgroups ?? null,
      });
    } catch (error) {
      queueMicrotask(() => ended(`could not be started: ${errorInfo(error).message}`));
    }
  }

  send(message: ToTemplate): void {
    if (message.type === "fork" || message.type === "prepare") this.#standstill.asked();
    this.#channel?.send(message);
  }

  /** Asks it to end, with all its workers. */
  close(): void {
    this.#standstill.close();
    this.#channel?.close();
  }

  /** Ends it at once. Its workers' groups are the caller's to kill. */
  kill(): void {
    this.#process?.kill("SIGKILL");
  }

  #heard(message: FromTemplate, events: TemplateEvents): void {
    if (message.type === "ready") {
      this.#cameUp = true;
      return;
    }
    if (message.type !== "died") this.#standstill.answered();
    events.message(message);
  }
}
