import { errorInfo } from "../../call/error-info.ts";
import type { Crash } from "../../call/outcome.ts";
import type { WorkerEnd } from "../../events/engine-event.ts";
import type { Clock } from "../../internal/clock.ts";
import { findProgram } from "../../internal/program.ts";
import type { Cgroup } from "../../supervise/cgroup.ts";
import type { OwnedProcess, OwnedProcesses } from "../../supervise/owned-processes.ts";
import { readMemory } from "../../supervise/process-tree.ts";
import { fromGuest } from "./from-guest.ts";
import { inheritedFlags } from "./inherited-flags.ts";
import type { FromGuest, ToGuest } from "./messages.ts";
import type { Version } from "./version.ts";

/** Where a worker finds the sources, after its three streams and its channel. */
const SOURCES_FD = 4;
/** Last words may still be in the channel when the exit is told. */
const LAST_WORDS_MS = 250;
/** A worker is replaced after this many calls, */
const MAX_CALLS = 10_000;
/** or when it has grown by this since its first one: what tools leak does not grow for ever. */
const MAX_GROWTH_BYTES = 256_000_000;
/** To look costs as much as a short call. */
const LOOK_EVERY_CALLS = 100;

/** Which of this process's streams has what workers write to their standard output. */
export type WorkerStdout = "stdout" | "stderr";

export interface WorkerEvents {
  message(message: FromGuest): void;
  /** Told once, unless it was killed by us before. */
  lost(crash: Crash): void;
  /** Told once when its process has ended, whoever ended it. */
  exited(crash: Crash): void;
}

/** The engine's side of one worker: alive → ended (killed by us, or lost). */
export class NodeWorker {
  /** By URL: what it was told to import, and whether it has. */
  readonly modules = new Map<string, "loading" | "loaded">();
  /** It has said that it runs. */
  isReady = false;
  /** Calls it has been given. */
  calls = 0;
  /** Why it was ended by us. */
  endedFor: WorkerEnd | null = null;
  readonly #owned: OwnedProcess;
  #state: "alive" | "ended" = "alive";
  #bytesAtFirst: number | undefined;
  /** At its processes, under way. */
  #looks = 0;

  /** The version of what it imports. */
  readonly version: Version;

  constructor(processes: OwnedProcesses, clock: Clock, stdout: WorkerStdout, version: Version, events: WorkerEvents) {
    this.version = version;
    const guest = findProgram("node-guest");
    // What a worker prints goes to our own streams, straight: the protocol has a channel of its own.
    this.#owned = processes.start(process.execPath, [...inheritedFlags(process.execArgv), guest], {
      stdio: ["ignore", stdout === "stdout" ? 1 : 2, 2, "ipc", version.log?.fd ?? "ignore"],
      serialization: "advanced",
    });
    const { child } = this.#owned;
    const lost = (): void => {
      tooLate?.cancel();
      if (this.#state === "ended") return;
      this.#state = "ended";
      events.lost({ signal: child.signalCode, exitCode: child.exitCode });
    };
    let tooLate: ReturnType<Clock["setTimer"]> | undefined;
    const signOfDeath = (): void => {
      const exited = child.exitCode !== null || child.signalCode !== null;
      if (exited && !child.connected) lost();
      else if (this.#state === "alive") {
        tooLate ??= clock.setTimer(LAST_WORDS_MS, () => {
          this.#owned.kill(); // it let go of its channel and lives
          lost();
        });
      }
    };
    child.on("message", (message) => {
      const told = this.#state === "alive" ? fromGuest(message) : undefined;
      if (told) events.message(told);
    });
    child.once("exit", (exitCode, signal) => events.exited({ signal, exitCode }));
    child.once("exit", signOfDeath);
    child.once("disconnect", signOfDeath);
    child.once("error", () => lost()); // not started, or its channel broke: either way it is of no use
    this.idle();
  }

  /** Undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#owned.child.pid;
  }

  get cgroup(): Cgroup {
    return this.#owned.cgroup;
  }

  /** The module it is importing: it imports them in the order in which it was told. */
  get loading(): string | undefined {
    for (const [module, state] of this.modules) if (state === "loading") return module;
    return undefined;
  }

  /** Whether it is on its way to be ready, or imports: until it has ended that, it gets no call. */
  get isLoading(): boolean {
    return !this.isReady || this.#looks > 0 || this.loading !== undefined;
  }

  /** What it has started until now is its own, and not what a call leaves running. Until that is known it gets no call. */
  keepStarted(): Promise<void> {
    return this.#look(() => this.#owned.keepStarted());
  }

  /** Whether a call has left processes running. Until that is known it gets no other. */
  hasLeftProcesses(): Promise<boolean> {
    return this.#look(() => this.#owned.hasLeftProcesses());
  }

  async #look<Seen>(look: () => Promise<Seen>): Promise<Seen> {
    this.#looks += 1;
    try {
      return await look();
    } finally {
      this.#looks -= 1;
    }
  }

  load(module: string): void {
    if (this.modules.has(module)) return;
    this.modules.set(module, "loading");
    this.send({ type: "load", module, sources: this.version.log ? SOURCES_FD : null });
  }

  send(message: ToGuest): void {
    if (this.#state === "ended" || !this.#owned.child.connected) return; // its death settles what is pending
    try {
      this.#owned.child.send(message, () => {}); // the same
    } catch (error) {
      throw new Error(`defect: a message to a worker cannot be cloned: ${errorInfo(error).message}`, { cause: error });
    }
  }

  /** To be asked after each call: whether another one should take its place. */
  isWornOut(): boolean {
    if (this.calls >= MAX_CALLS) return true;
    const bytes = this.calls % LOOK_EVERY_CALLS === 1 && this.pid !== undefined ? readMemory(this.pid) : undefined;
    if (bytes === undefined) return false;
    this.#bytesAtFirst ??= bytes;
    return bytes - this.#bytesAtFirst > MAX_GROWTH_BYTES;
  }

  /** It stands for a call in flight: this process stays alive for it. */
  busy(): void {
    this.#owned.child.ref();
    this.#owned.child.channel?.ref();
  }

  /** This process may end although it is there. */
  idle(): void {
    this.#owned.child.unref();
    this.#owned.child.channel?.unref();
  }

  /** Ends it now, with its process group. `lost` is not told. */
  kill(reason: WorkerEnd | null = null): void {
    this.#state = "ended";
    this.endedFor ??= reason;
    this.#owned.kill();
  }

  /** Asks its process group to end, and kills it after a grace. `lost` is not told. */
  terminate(reason: WorkerEnd | null = null): void {
    this.#state = "ended";
    this.endedFor ??= reason;
    this.#owned.terminate();
  }
}
