import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { Channel } from "../../internal/channel.ts";
import type { Clock } from "../../internal/clock.ts";
import { isStopped } from "../../supervise/process-tree.ts";
import { type FromTemplate, PROTOCOL, type ToTemplate } from "./messages.ts";
import { Standstill } from "./standstill.ts";

/** How to start the Python that the host runs. */
export interface PythonCommand {
  readonly executable: string;
  /** The interpreter's own flags, such as `-X utf8`. */
  readonly flags: readonly string[];
  /** The host's `sys.path`. */
  readonly path: readonly string[];
  /** Inherited descriptor for what workers print; null where the host has no standard output. */
  readonly stdout: number | null;
  /** The host's process id: while it lives, it cleans up after an engine that was killed. */
  readonly host: number;
  /** Private directory of the host, for the journals of its engines; null where there is none. */
  readonly journals: string | null;
}

export interface TemplateEvents {
  message(message: FromTemplate): void;
  /** Once, when its process has ended and its channel is closed. */
  ended(description: string): void;
}

// The path goes by argument, so that the template finds the same endstop as the host whatever the working directory is.
const BOOT = "import json,sys; sys.path[:] = json.loads(sys.argv[1]); from endstop.worker.template import main; main()";

/** The process that has imported the tools' modules once and from which workers are forked. It never runs a tool. */
export class Template {
  readonly #process: ChildProcess;
  readonly #channel: Channel;
  readonly #standstill: Standstill;
  #ended = false;

  constructor(
    python: PythonCommand,
    socket: string,
    cgroups: string | undefined,
    clock: Clock,
    events: TemplateEvents,
  ) {
    this.#process = spawn(python.executable, [...python.flags, "-c", BOOT, JSON.stringify(python.path)], {
      stdio: ["ignore", python.stdout ?? "ignore", "inherit", "pipe"],
      detached: true, // a session of its own: Ctrl-C is the host's business
    });
    const { pid } = this.#process;
    this.#standstill = new Standstill(
      clock,
      () => pid !== undefined && isStopped(pid),
      () => this.kill(),
    );
    const pipe = this.#process.stdio[3] as Socket;
    this.#channel = new Channel(pipe, pipe, {
      frame: ({ header }) => {
        const message = header as FromTemplate;
        if (message.type !== "died") this.#standstill.answered();
        events.message(message);
      },
      closed: () => this.#process.kill("SIGTERM"),
    });
    const ended = (description: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      this.#standstill.close();
      this.#channel.close();
      events.ended(description);
    };
    this.#process.once("error", (error) => ended(`could not be started: ${error.message}`));
    this.#process.once("exit", (code, signal) =>
      ended(signal ? `was ended by ${signal}` : `ended with exit code ${code}`),
    );
    const { path, host, journals } = python;
    this.send({ type: "hello", protocol: PROTOCOL, path, socket, host, journals, cgroups: cgroups ?? null });
  }

  send(message: ToTemplate): void {
    if (message.type === "fork" || message.type === "prepare") this.#standstill.asked();
    this.#channel.send(message);
  }

  /** Asks it to end, with all its workers. */
  close(): void {
    this.#standstill.close();
    this.#channel.close();
  }

  /** Ends it at once. Its workers' groups are the caller's to kill. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }
}
