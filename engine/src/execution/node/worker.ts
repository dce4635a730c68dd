import type { Socket } from "node:net";
import type { Crash } from "../../call/outcome.ts";
import type { Cgroup } from "../../processes/cgroup.ts";
import { OpenProcess } from "../../processes/open-process.ts";
import type { OwnedProcess, OwnedProcesses } from "../../processes/owned-processes.ts";
import type { WorkerEnd } from "../../telemetry/engine-event.ts";
import { Channel } from "../../transport/channel.ts";
import { FRAME_LIMITS, type Frame, ProtocolError } from "../../transport/frames.ts";
import type { Clock } from "../../util/clock.ts";
import { findProgram } from "../../util/program.ts";
import { rethrowAlone } from "../../util/rethrow-alone.ts";
import { fromGuest } from "./from-guest.ts";
import { inheritedFlags } from "./inherited-flags.ts";
import { CHANNEL_DESCRIPTOR, type FromGuest, type ToGuest } from "./messages.ts";
import type { Version } from "./source-log.ts";

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
  /** Undefined if it could not be started. */
  readonly files: OpenProcess | undefined;
  readonly #owned: OwnedProcess;
  readonly #pipe: Socket | undefined;
  readonly #channel: Channel | undefined;
  readonly #events: WorkerEvents;
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
      // "overlapped" is a pipe, on Windows too.
      stdio: ["ignore", stdout === "stdout" ? 1 : 2, 2, "overlapped", version.log?.fd ?? "ignore"],
    });
    this.#events = events;
    const { child } = this.#owned;
    const lost = (crash: Crash = { signal: child.signalCode, exitCode: child.exitCode }): void => {
      tooLate?.cancel();
      if (this.#state === "ended") return;
      this.#state = "ended";
      events.lost(crash);
    };
    let tooLate: ReturnType<Clock["setTimer"]> | undefined;
    const signOfDeath = (): void => {
      const exited = child.exitCode !== null || child.signalCode !== null;
      if (exited && this.#channel?.isClosed !== false) lost();
      else if (this.#state === "alive") {
        tooLate ??= clock.setTimer(LAST_WORDS_MS, () => {
          this.#owned.kill(); // it let go of its channel and lives
          lost();
        });
      }
    };
    const closed = (reason: Error | undefined): void => {
      if (!(reason instanceof ProtocolError)) return signOfDeath();
      this.#owned.kill();
      lost({ signal: null, exitCode: null, because: "it was ended, since what it sent makes no sense" });
    };
    this.#pipe = (child.stdio?.[CHANNEL_DESCRIPTOR] as Socket | null | undefined) ?? undefined;
    this.#channel =
      this.#pipe &&
      new Channel(this.#pipe, this.#pipe, { frame: (frame) => this.#heard(frame), closed }, FRAME_LIMITS, false);
    this.files = child.pid === undefined ? undefined : new OpenProcess(child.pid);
    child.once("exit", () => this.files?.close());
    child.once("exit", (exitCode, signal) => events.exited({ signal, exitCode }));
    child.once("exit", signOfDeath);
    child.once("error", () => lost()); // it could not be started
    this.idle();
  }

  /** Undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#owned.child.pid;
  }

  get cgroup(): Cgroup {
    return this.#owned.cgroup;
  }

  #heard(frame: Frame): void {
    if (this.#state === "ended") return;
    const message = fromGuest(frame);
    if (!message) throw new ProtocolError(`a message ${frame.header.type} that makes no sense`);
    try {
      this.#events.message(message);
    } catch (error) {
      rethrowAlone(error); // a defect of ours, not what the worker sent
    }
  }

  /** Whether the beginning of a message has come, and not all of it. */
  get isReceiving(): boolean {
    return this.#channel?.isReceiving === true;
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

  /** Does nothing where it is gone: its death settles what is pending. @throws ProtocolError for what is larger than a frame may be */
  send(message: ToGuest, body?: Uint8Array): void {
    if (this.#state === "alive") this.#channel?.send(message, body);
  }

  /** To be asked after each call: whether another one should take its place. */
  isWornOut(): boolean {
    if (this.calls >= MAX_CALLS) return true;
    const bytes = this.calls % LOOK_EVERY_CALLS === 1 ? this.files?.memoryBytes() : undefined;
    if (bytes === undefined) return false;
    this.#bytesAtFirst ??= bytes;
    return bytes - this.#bytesAtFirst > MAX_GROWTH_BYTES;
  }

  /** It stands for a call in flight: this process stays alive for it. */
  busy(): void {
    this.#owned.child.ref();
    this.#pipe?.ref();
  }

  /** This process may end although it is there. */
  idle(): void {
    this.#owned.child.unref();
    this.#pipe?.unref();
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
