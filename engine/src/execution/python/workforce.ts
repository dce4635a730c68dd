import { rmSync } from "node:fs";
import { errorInfo } from "../../call/error-info.ts";
import type { Crash } from "../../call/outcome.ts";
import { Cgroups } from "../../processes/cgroups.ts";
import { killGroup } from "../../processes/kill-group.ts";
import type { WorkerEnd } from "../../telemetry/engine-event.ts";
import type { EventStream } from "../../telemetry/event-stream.ts";
import type { Channel, ChannelEvents } from "../../transport/channel.ts";
import { ProtocolError } from "../../transport/frames.ts";
import type { Clock, Timer } from "../../util/clock.ts";
import { plainText } from "../../util/plain-text.ts";
import { type Accept, DialIn, newToken, sameToken } from "./dial-in.ts";
import type { Died, FromWorker, GuestHello, Unforked, WorkerHello } from "./messages.ts";
import { type Readiness, TemplateModules } from "./modules.ts";
import { type AttemptName, mayHaveBegun, NoteFile, type StartedNote } from "./started-note.ts";
import { type PythonCommand, Template, type TemplateEvents } from "./template.ts";
import type { Worker } from "./worker.ts";

/** From `fork` until the worker has said hello. */
const FORK_TIMEOUT_MS = 10_000;
/** From `prepare` until its modules are imported. */
const PREPARE_TIMEOUT_MS = 120_000;
/** Between the two signs of a worker's death: the template's word and the end of its channel. */
const DEATH_TIMEOUT_MS = 1_000;
/** Templates and forks that fail in a row before those who wait are told. */
const MAX_FAILURES = 3;
/** Between two of them that could not be started. */
const START_PAUSE_MS = 100;

export interface WorkforceEvents {
  message(worker: Worker, message: FromWorker, body: Uint8Array): void;
  /** A worker ended that nobody had ended: once for each, and nothing of it after. */
  lost(worker: Worker, crash: Crash): void;
  /** No worker can be had: several tries in a row failed. */
  gaveUp(description: string): void;
  /** A worker is ready, modules are imported, or a worker is gone: look what can be done now. */
  changed(): void;
}

/**
 * The Python processes: a template that imports, and workers forked from it. It knows nothing of calls. Every worker it
 * forked is killed by group before it is reaped, so that its number still stands for it.
 */
export class Workforce {
  readonly #python: PythonCommand;
  readonly #clock: Clock;
  readonly #events: WorkforceEvents;
  readonly #stream: EventStream;
  readonly #dialIn: DialIn;
  readonly #cgroups = new Cgroups();
  readonly #modules = new TemplateModules();
  readonly #workers = new Map<number, Worker>();
  #template: Template | undefined;
  #prepareTimer: Timer | undefined;
  /** Until a template is started again, after one that could not be. */
  #pause: Timer | undefined;
  /** What the last worker said that could not work. */
  #lastFailure: string | undefined;
  #failures = 0;
  #lastWorker = 0;
  #closed: (() => void) | undefined;

  constructor(
    python: PythonCommand,
    clock: Clock,
    events: WorkforceEvents,
    acceptGuest: Accept<GuestHello>,
    stream: EventStream,
    opened: (directory: string) => void,
  ) {
    this.#stream = stream;
    this.#python = python;
    this.#clock = clock;
    this.#events = events;
    this.#dialIn = new DialIn(
      clock,
      python.journals,
      (hello, channel) => this.#accept(hello, channel),
      acceptGuest,
      opened,
    );
  }

  /** @throws Error of the file system */
  get socketPath(): string {
    return this.#dialIn.socketPath;
  }

  /** Those that are forked, alive, or not reaped yet. */
  get workers(): Iterable<Worker> {
    return this.#workers.values();
  }

  get living(): Worker[] {
    return [...this.#workers.values()].filter(({ life }) => life.type === "alive");
  }

  get forkingCount(): number {
    let count = 0;
    for (const { life } of this.#workers.values()) if (life.type === "forking") count += 1;
    return count;
  }

  /** Whether to fork only when there is work: the last tries failed. */
  get isFailing(): boolean {
    return this.#failures >= MAX_FAILURES;
  }

  get isPreparing(): boolean {
    return this.#modules.isPreparing;
  }

  /** Workers of an older generation lack modules that were asked for since. */
  get generation(): number {
    return this.#modules.generation;
  }

  readiness(modules: readonly string[]): Readiness {
    return this.#modules.readiness(modules);
  }

  isKnown(module: string): boolean {
    return this.#modules.has(module);
  }

  /** Has the template import modules, unless it was told before. */
  request(modules: readonly string[]): void {
    this.#prepare(this.#modules.request(modules));
  }

  /** A call needs these: has the template import again what it could not. */
  retry(modules: readonly string[]): void {
    const again = this.#modules.retry(modules, this.#clock.now());
    // The next template is told all that is to be imported.
    if (this.#template) this.#prepare(again);
  }

  /** Starts what was given up, since somebody waits for a worker again. */
  wake(): void {
    if (!this.#template && !this.#pause) this.#prepare(this.#modules.preparing);
  }

  fork(): void {
    if (this.#pause) return;
    const number = ++this.#lastWorker;
    const token = newToken();
    const tooLate = this.#clock.setTimer(FORK_TIMEOUT_MS, () => {
      this.#failures += 1;
      // A template that does not even answer hangs, and takes its workers with it.
      if (worker.pid === undefined) this.#template?.kill();
      else this.kill(worker);
    });
    const worker: Worker = {
      number,
      token,
      generation: this.#modules.generation,
      calls: 0,
      loaded: new Set(),
      given: new Set(),
      latest: "",
      outOfTurn: 0,
      broken: undefined,
      cgroup: this.#cgroups.group(),
      pid: undefined,
      channel: undefined,
      note: undefined,
      died: undefined,
      life: { type: "forking", tooLate },
      endedFor: null,
    };
    this.#workers.set(number, worker);
    const template = this.#startedTemplate();
    this.#renewSocket(template);
    template.send({ type: "fork", worker: number, token });
  }

  /** What cannot be made now is the next one's luck: this worker will find nobody. */
  #renewSocket(template: Template): void {
    try {
      if (this.#dialIn.renew()) template.send({ type: "socket", socket: this.#dialIn.socketPath });
    } catch (error) {
      this.#lastFailure = errorInfo(error).message;
    }
  }

  /** What a worker that was given this attempt noted as it began the body; undefined if it has not, or if that is not known. */
  begun(worker: Worker, attempt: AttemptName): StartedNote | undefined {
    const note = worker.note?.read();
    return mayHaveBegun(note, attempt) ? note : undefined;
  }

  /** Whether a worker that was given this attempt has begun the body, or may have. */
  mayHaveBegun(worker: Worker, attempt: AttemptName): boolean {
    const note = worker.note?.read();
    // A body can write into the note of its worker: what no call of this worker was is no word of the worker.
    return mayHaveBegun(note?.callId && !worker.given.has(note.callId) ? undefined : note, attempt);
  }

  /** Names where a worker notes what it begins, for an engine that comes after this one. */
  noteOf({ note }: Worker): string {
    return note?.path ?? "";
  }

  /** Ends a worker's process group at once. `lost` is not told. */
  kill(worker: Worker, reason: WorkerEnd | null = null): void {
    this.#end(worker);
    worker.endedFor ??= reason;
    if (worker.pid !== undefined) killGroup(worker.pid);
    worker.channel?.close();
  }

  /** Lets an idle worker end by itself. */
  retire(worker: Worker, reason: WorkerEnd): void {
    this.#end(worker);
    worker.endedFor ??= reason;
    worker.channel?.close();
  }

  /** Kills every worker, ends the template and removes the socket. Nobody is told of losses. */
  close(): Promise<void> {
    const template = this.#template;
    this.#prepareTimer?.cancel();
    this.#pause?.cancel();
    return new Promise((resolve) => {
      const ended = (): void => {
        void this.#cgroups.close().then(resolve);
      };
      this.#closed = ended;
      for (const worker of this.#workers.values()) this.kill(worker, "close");
      this.#dialIn.close();
      if (!template) return ended();
      const tooLate = this.#clock.setTimer(DEATH_TIMEOUT_MS, () => template.kill());
      this.#closed = () => {
        tooLate.cancel();
        ended();
      };
      template.close();
    });
  }

  /** Kills what can be killed without waiting: for a process that is ending. */
  destroyNow(): void {
    for (const worker of this.#workers.values()) if (worker.pid !== undefined) killGroup(worker.pid);
    this.#dialIn.close();
  }

  #end(worker: Worker): void {
    if (worker.life.type === "forking" || worker.life.type === "dying") worker.life.tooLate.cancel();
    worker.life = { type: "ending" };
  }

  #accept(hello: WorkerHello, channel: Channel): ChannelEvents | undefined {
    const worker = this.#workers.get(hello.worker);
    if (worker?.life.type !== "forking" || !sameToken(worker.token, hello.token)) return undefined;
    // That number is killed one day: it must be the worker's own, as the template tells it.
    if (!isProcessId(hello.pid) || (worker.pid ?? hello.pid) !== hello.pid) return undefined;
    if (hello.failure !== undefined) {
      this.#lastFailure = plainText(String(hello.failure), 500);
      return undefined;
    }
    worker.note = this.#noteFile(worker);
    if (!worker.note) return undefined;
    worker.life.tooLate.cancel();
    worker.life = { type: "alive" };
    worker.pid = hello.pid;
    worker.channel = channel;
    this.#failures = 0;
    this.#lastFailure = undefined;
    if (this.#stream.hasListeners) this.#stream.emit({ type: "worker-start", atMs: this.#clock.now(), pid: hello.pid });
    queueMicrotask(() => this.#events.changed());
    return {
      frame: ({ header, body }) => this.#events.message(worker, header as FromWorker, body),
      closed: (reason) => {
        if (reason instanceof ProtocolError) this.#breakOff(worker, reason);
        this.#signOfDeath(worker);
      },
    };
  }

  /** At once, so that it begins nothing that was given to it just now. */
  #breakOff(worker: Worker, { message }: ProtocolError): void {
    if (worker.life.type !== "alive" || worker.pid === undefined) return;
    worker.broken = `it was ended, since what it sent is no frame: ${message}`;
    killGroup(worker.pid);
  }

  /** Either sign of a death that we did not bring about. A worker's last words may be on the way until both have come. */
  #signOfDeath(worker: Worker): void {
    if (worker.life.type === "alive") {
      worker.life = { type: "dying", tooLate: this.#clock.setTimer(DEATH_TIMEOUT_MS, () => this.#lost(worker)) };
    }
    if (worker.life.type === "dying" && worker.died && worker.channel?.isClosed) this.#lost(worker);
  }

  #lost(worker: Worker): void {
    const { signal = null, exitCode = null } = worker.died ?? {};
    this.kill(worker);
    const { broken } = worker;
    const crash = broken === undefined ? { signal, exitCode } : { signal: null, exitCode: null, because: broken };
    this.#events.lost(worker, crash);
    this.#forget(worker);
  }

  /** Of one that is gone, once nobody asks any more what it did. */
  #forget(worker: Worker): void {
    worker.note?.close();
    if (worker.note) rmSync(worker.note.path, { force: true });
    void worker.cgroup.remove();
  }

  /** Undefined if it is gone already: of what such a worker does nothing would be known. */
  #noteFile(worker: Worker): NoteFile | undefined {
    try {
      return new NoteFile(this.#dialIn.notePath(worker.number));
    } catch {
      return undefined;
    }
  }

  #heardOfDeath(died: Died): void {
    const worker = this.#workers.get(died.worker);
    // Its group is killed: nobody else's number will do.
    if (worker && (!isProcessId(died.pid) || (worker.pid ?? died.pid) !== died.pid)) return;
    if (worker) {
      worker.pid = died.pid;
      worker.died = died;
      this.#tellExit(worker, died);
      if (worker.life.type === "forking") {
        this.#failed(`worker ended before it was ready: ${this.#lastFailure ?? describeDeath(died)}`);
      }
      killGroup(died.pid);
      this.#signOfDeath(worker);
      if (worker.life.type === "forking") this.#end(worker);
      this.#workers.delete(worker.number);
      if (worker.life.type === "ending") this.#forget(worker);
    }
    this.#template?.send({ type: "reap", worker: died.worker });
    this.#events.changed();
  }

  #tellExit({ pid, endedFor }: Worker, { signal, exitCode }: Crash): void {
    if (!this.#stream.hasListeners || pid === undefined) return;
    this.#stream.emit({ type: "worker-exit", atMs: this.#clock.now(), pid, signal, exitCode, reason: endedFor });
  }

  #startedTemplate(): Template {
    const socketPath = (): string => this.#dialIn.socketPath;
    this.#template ??= new Template(this.#python, socketPath, this.#cgroups.folder, this.#clock, {
      message: (message) => this.#heardTemplate(message),
      ended: (description, cameUp) => this.#templateEnded(description, cameUp),
    });
    return this.#template;
  }

  #prepare(modules: readonly string[]): void {
    if (modules.length === 0) return;
    this.#startedTemplate().send({ type: "prepare", modules });
    this.#prepareTimer ??= this.#clock.setTimer(PREPARE_TIMEOUT_MS, () => this.#template?.kill());
  }

  #heardTemplate(message: Parameters<TemplateEvents["message"]>[0]): void {
    if (message.type === "died") return this.#heardOfDeath(message);
    if (message.type === "unforked") return this.#notForked(message);
    if (message.type === "forked") {
      const worker = this.#workers.get(message.worker);
      if (worker && isProcessId(message.pid)) worker.pid ??= message.pid;
      return;
    }
    if (message.type !== "prepared") return; // a module that it imports may have written this
    this.#modules.prepared(message, this.#clock.now());
    if (!this.#modules.isPreparing) {
      this.#prepareTimer?.cancel();
      this.#prepareTimer = undefined;
    }
    this.#events.changed();
  }

  #notForked({ worker: number, reason }: Unforked): void {
    const worker = this.#workers.get(number);
    if (!worker) return;
    this.#end(worker);
    this.#workers.delete(number);
    this.#failed(`fork failed: ${reason}`);
    this.#events.changed();
  }

  /** Of a try to have another worker. */
  #failed(description: string): void {
    this.#failures += 1;
    if (this.isFailing) this.#events.gaveUp(description);
  }

  #templateEnded(description: string, cameUp: boolean): void {
    this.#template = undefined;
    this.#prepareTimer?.cancel();
    this.#prepareTimer = undefined;
    const workers = [...this.#workers.values()];
    this.#workers.clear();
    for (const worker of workers) {
      const wasAlive = worker.life.type === "alive" || worker.life.type === "dying";
      this.#tellExit(worker, { signal: null, exitCode: null });
      this.kill(worker);
      if (wasAlive && !this.#closed) this.#events.lost(worker, { signal: null, exitCode: null });
      this.#forget(worker);
    }
    if (this.#closed) return this.#closed();
    const modules = this.#modules.restart(description, cameUp);
    this.#failed(`template ${description}`);
    if (cameUp) this.#prepare(modules);
    else if (!this.isFailing) this.#pause = this.#clock.setTimer(START_PAUSE_MS, () => this.#startAgain());
    this.#events.changed();
  }

  #startAgain(): void {
    this.#pause = undefined;
    this.#prepare(this.#modules.preparing);
    this.#events.changed();
  }
}

/** Whose group may be killed. */
function isProcessId(pid: unknown): pid is number {
  return Number.isSafeInteger(pid) && (pid as number) > 1;
}

function describeDeath({ signal, exitCode }: Crash): string {
  return signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
}
