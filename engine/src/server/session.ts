import { hash } from "node:crypto";
import type { Ending } from "../call/ending.ts";
import { errorInfo } from "../call/error-info.ts";
import type { Outcome } from "../call/outcome.ts";
import { toldEnding, withKeyedDigest } from "../call/told-ending.ts";
import type { PythonCommand } from "../execution/python/template.ts";
import type { MachineFigures } from "../load/machine.ts";
import type { CallRequest } from "../pipeline/call-request.ts";
import { keepBytes } from "../state/cached-answers.ts";
import { attemptTimeoutMs, type Call, rebuildMs } from "../state/call.ts";
import { Run } from "../state/run.ts";
import { engineStats, NO_WORKERS } from "../telemetry/engine-stats.ts";
import { ProtocolError } from "../transport/frames.ts";
import type { Clock } from "../util/clock.ts";
import { formatDuration } from "../util/duration.ts";
import { plainName, plainText } from "../util/plain-text.ts";
import { rethrowAlone } from "../util/rethrow-alone.ts";
import { FRAMEWORK_GRACE_MS, HOST_GRACE_MS } from "./backstop.ts";
import { bounded } from "./bounded.ts";
import {
  boundedName,
  type CallEntry,
  callRequest,
  cancelledEnding,
  jobOf,
  lostEnding,
  withPreparation,
} from "./call-entry.ts";
import { Engines } from "./engines.ts";
import { GuestEngines } from "./guest-engines.ts";
import { Guests } from "./guests.ts";
import { lostWorkers } from "./lost-workers.ts";
import {
  type CallMessage,
  type FromClient,
  type Hello,
  headerOf,
  type Send,
  type ToClient,
  type ToldIfReturned,
  toldIfReturned,
} from "./messages.ts";
import { PickledAnswer } from "./pickled.ts";
import { Shared } from "./shared.ts";
import { requireCall, requireSecrets, requireText } from "./told-call.ts";

/** Of what a client is told about its message, and of what it gives as the reason to end a run. */
const MAX_REASON_CHARACTERS = 2_000;
/** Of what a guest was told and has not read. */
const MAX_BACKLOG_BYTES = 64_000_000;
/** Of one guest. */
const MAX_GUEST_CALLS = 1_000;
const NONSENSE: Ending = { type: "cancelled", detail: "how it ended was told in no sense", body: "effect-unknown" };

/** What one client, the host or a guest, asked of its engine process. Messages in, messages out: it owns no channel. */
export class Session {
  readonly #send: Send;
  readonly #shared: Shared;
  readonly #engines: Engines | GuestEngines;
  /** Of a guest: the call to whose body it belongs. */
  readonly #belongsTo: Call | undefined;
  readonly #calls = new Map<number, CallEntry>();

  constructor(shared: Shared, engines: Engines | GuestEngines, send: Send, belongsTo?: Call) {
    this.#shared = shared;
    this.#engines = engines;
    this.#send = send;
    this.#belongsTo = belongsTo;
  }

  /**
   * The session of the process that started this engine.
   *
   * @param memory where the journals are, and what engines of this client left that were lost
   */
  static ofHost(
    python: PythonCommand,
    clock: Clock,
    send: Send,
    memory: Pick<Hello, "directory" | "key" | "lost"> = {},
    readMachine?: () => MachineFigures,
  ): Session {
    const engines = new Engines(clock, memory.directory);
    const guests = new Guests(
      (call, channel) => {
        const guestEngines = new GuestEngines(shared.engines, call.run);
        // One that asks and never reads is let go.
        const send: Send = (message, body) =>
          channel.backlogBytes > MAX_BACKLOG_BYTES ? channel.close() : channel.send(message, body);
        return new Session(shared, guestEngines, send, call);
      },
      (worker, token) => shared.calls.get(shared.pool?.callOf(worker, token) ?? ""),
    );
    const mayHaveBegun = lostWorkers(memory.lost ?? [], memory.directory);
    const shared = new Shared(python, clock, engines, guests, mayHaveBegun, send, memory.key ?? "", readMachine);
    return new Session(shared, engines, send);
  }

  /** Handles one message. What makes no sense is answered by `refused`, with the reason. */
  handle(message: FromClient, body: Uint8Array): void {
    try {
      this.#dispatch(message, body);
    } catch (error) {
      const reason = plainText(error instanceof Error ? error.message : String(error), MAX_REASON_CHARACTERS);
      const id = "id" in message && Number.isSafeInteger(message.id) ? { id: message.id } : {};
      const engine =
        "engine" in message && typeof message.engine === "string" ? { engine: plainName(message.engine) } : {};
      this.#send({ type: "refused", about: plainName(message.type), ...id, ...engine, message: reason });
    }
  }

  /** What fails here, with nobody above who could tell the caller, is a defect: it ends this call alone, and the process hears of it. */
  #guarded(entry: CallEntry, work: () => void): void {
    try {
      work();
    } catch (error) {
      rethrowAlone(error);
      const detail = `the engine failed: ${errorInfo(error).message}`;
      try {
        entry.core.end(entry.call, undefined, { type: "cancelled", detail, body: "effect-unknown" });
      } catch {
        // The first failure is told already; it may have been the telling that failed.
      }
      if (this.#calls.delete(entry.id)) this.#send({ type: "refused", about: "call", id: entry.id, message: detail });
      this.#shared.calls.delete(entry.call.id);
    }
  }

  /** Ends every worker. The calls in flight are the client's to settle: nobody listens any more. */
  async close(): Promise<void> {
    this.#shared.relief.close();
    await this.#shared.pool?.close();
  }

  destroyNow(): void {
    this.#shared.pool?.destroyNow();
  }

  /** A guest is gone, or its call has its outcome. */
  leave(): void {
    for (const entry of [...this.#calls.values()]) this.#cancelEntry(entry, "the process that made it is gone");
    if (this.#engines instanceof GuestEngines) this.#engines.leave();
  }

  #dispatch(message: FromClient, body: Uint8Array): void {
    switch (message.type) {
      case "open-engine":
        return this.#openEngine(message);
      case "close-engine":
        return this.#closeEngine(message.engine);
      case "register":
        return this.#register(message);
      case "load":
        return this.#load(message.key, message.modules, body);
      case "open-run":
        return this.#openRun(message);
      case "end-run":
        return this.#endRun(message.engine, message.run, message.reason);
      case "describe":
        return this.#describe(message);
      case "stats":
        return this.#stats(message);
      case "close-run":
        return this.#engines.closeRun(message.engine, message.run);
      case "invite":
        return this.#invite(message.id, message.call);
      case "call":
        return this.#call(message, body);
      case "start":
        return this.#start(message, body);
      case "ended":
        return this.#ended(message, body);
      case "withdraw":
        return this.#withdraw(message.id);
      case "ping":
        return this.#send({ type: "pong" });
      case "pause":
      case "resume": {
        const call = this.#shared.calls.get(message.call);
        if (call && this.#mayReach(call)) this.#shared.backstop[message.type](call, this.#belongsTo);
        return;
      }
      case "waits":
        return this.#waits(message.id);
      case "begins":
        return this.#begins(message.id);
      case "cancel-call":
        return this.#cancelCall(message.engine, message.call);
      case "calls":
        return this.#tellCalls(message.id, message.engine);
      case "cancel":
        return this.#cancel(message.id);
      default:
        throw new TypeError(`unexpected message ${JSON.stringify(message.type)}`);
    }
  }

  #openEngine({ engine, options, resume }: Extract<FromClient, { type: "open-engine" }>): void {
    requireText(engine, "engine");
    // A guest finds the engine that it has opened before.
    if (!resume || this.#engines instanceof GuestEngines) return this.#engines.open(engine, options);
    const alive = new Set(resume.calls);
    const over: { readonly entry: CallEntry; readonly mayHaveBegun: boolean }[] = [];
    this.#engines.resume(
      engine,
      options,
      resume.answered,
      resume.lastAdmitted ?? 0,
      ({ entry: { id = -1, placement }, given }) => ({
        settled: (outcome, call) => this.#settled(id, call, outcome),
        taken: (call) => {
          const { core } = this.#engines.get(engine);
          const entry = { id, call, core, isResumed: true, body: undefined };
          this.#calls.set(id, entry);
          this.#shared.calls.set(call.id, call);
          if (placement === "worker" || !alive.has(id))
            over.push({ entry, mayHaveBegun: this.#shared.mayHaveBegun(call.id, given) });
          else this.#awaitEnding(entry, call.timeoutMs);
        },
      }),
    );
    // What ran in a worker ended with the engine; what nobody waits for any more is of nobody's interest.
    for (const {
      entry: { call, core },
      mayHaveBegun,
    } of over)
      core.end(call, undefined, lostEnding(call, mayHaveBegun));
  }

  #openRun({ engine, run, resume = false, joins = false }: Extract<FromClient, { type: "open-run" }>): void {
    requireText(run, "run");
    if (this.#engines instanceof GuestEngines) this.#engines.openRun(engine, run, joins);
    else this.#engines.openRun(engine, run, resume);
  }

  #register({ engine, tool, policy }: Extract<FromClient, { type: "register" }>): void {
    requireText(tool, "tool");
    if (this.#engines instanceof GuestEngines) this.#engines.register(engine, boundedName(tool), policy);
    else this.#engines.get(engine).core.setPolicy(boundedName(tool), policy);
  }

  /** A key that is not its body's hash would have others run a body that is not theirs. */
  #load(key: string, modules: readonly string[], body: Uint8Array): void {
    if (hash("sha256", body, "hex") !== key) throw new TypeError("a tool's key must be the sha256 of its body");
    const pool = this.#shared.startedPool();
    pool.load(key, this.#belongsTo ? modules.filter((module) => pool.isKnown(module)) : modules, body);
  }

  #tellCalls(id: number, engine: string): void {
    const { core } = this.#engines.get(engine);
    this.#send({ type: "calls", id, calls: core.callsInFlight((call) => this.#mayReach(call)) });
  }

  /** The host reaches every call, a guest its own and those below it. */
  #mayReach(call: Call): boolean {
    if (!this.#belongsTo) return true;
    for (let each: Call | undefined = call; each; each = each.parent) if (each === this.#belongsTo) return true;
    return false;
  }

  /** A body is about to start a process: what that one needs to join this call. */
  #invite(id: number, callId: string): void {
    const call = this.#shared.calls.get(callId);
    if (!call || !this.#mayReach(call)) throw new TypeError(`no call ${callId} is in flight`);
    const { socketPath } = this.#shared.startedPool();
    this.#send({ type: "invited", id, socket: socketPath, token: this.#shared.guests.invite(call) });
  }

  #endRun(engine: string, name: string, reason: string): void {
    requireText(reason, "reason");
    const told = plainText(reason, MAX_REASON_CHARACTERS);
    if (this.#engines instanceof GuestEngines) return this.#engines.endRun(engine, name, told);
    const { core, runs } = this.#engines.get(engine);
    const run = runs.get(name);
    // Whoever cancels a run may be too late.
    if (run) core.endRun(run, told);
  }

  #describe({ id, engine, tool, agent }: Extract<FromClient, { type: "describe" }>): void {
    this.#send({
      type: "described",
      id,
      limits: this.#engines.get(engine).core.describe(boundedName(tool), agent) ?? null,
    });
  }

  #stats({ id, engine }: Extract<FromClient, { type: "stats" }>): void {
    const { core, observer } = this.#engines.get(engine);
    const { pool, relief } = this.#shared;
    const stats = engineStats(core, observer.stats, pool?.figures ?? NO_WORKERS, pool?.pids ?? [], relief.measures);
    this.#send({ type: "stats", id, stats });
  }

  #closeEngine(name: string): void {
    const { core } = this.#engines.get(name);
    // The latest first: they wait, and the end of one that runs would have the next one's body begin.
    for (const entry of [...this.#calls.values()].reverse())
      if (entry.core === core) this.#cancelEntry(entry, "the engine was closed");
    this.#engines.close(name);
  }

  #call(message: CallMessage, body: Uint8Array): void {
    const { id } = message;
    const resumed = this.#calls.get(id);
    if (resumed?.isResumed) {
      requireSecrets(message.secrets);
      resumed.core.told(resumed.call, message);
      return resumed.core.claim(resumed.call, () => this.#guarded(resumed, () => this.#begin(resumed)));
    }
    if (!Number.isSafeInteger(id) || this.#calls.has(id))
      throw new TypeError(`call id ${id} is not a new whole number`);
    requireCall(message);
    const { core } = this.#engines.get(message.engine);
    const request = this.#requestOf(message);
    const call = core.submit(request, (outcome, settled) => this.#settled(id, settled, outcome));
    if (call.state.type === "settled") return;
    const entry: CallEntry = {
      id,
      call,
      core,
      isAtOnce: message.atOnce === true,
      askedAtMs: this.#shared.clock.now(),
      body: undefined,
    };
    this.#calls.set(id, entry);
    this.#shared.calls.set(call.id, call);
    if (call.placement === "worker" && message.load !== undefined && body.length > 0)
      entry.job = { load: message.load, args: body };
    core.claim(call, () => this.#guarded(entry, () => this.#begin(entry)));
  }

  #requestOf(message: CallMessage): CallRequest {
    const { engine, run: name, tool, timeoutMs, debug } = message;
    const named = this.#shared.calls.get(message.parent ?? "");
    const parent = named && this.#mayReach(named) ? named : this.#belongsTo;
    const engines = this.#engines;
    const isGuest = engines instanceof GuestEngines;
    const known =
      name === undefined ? undefined : isGuest ? engines.runOf(engine, name) : engines.get(engine).runs.get(name);
    if (name !== undefined && !known) throw new TypeError(`no run ${name} is open`);
    if (!isGuest)
      return callRequest(message, message.id, known instanceof Run ? known : parent?.run, parent, this.#shared.key);
    if (this.#calls.size >= MAX_GUEST_CALLS)
      throw new RangeError(`a process that belongs to a call may have ${MAX_GUEST_CALLS} calls in flight, and has`);
    const narrowing = engines.narrowing(engine, boundedName(tool), timeoutMs);
    // A guest ends with the engine: nobody will ask for its calls again.
    return callRequest(
      message,
      undefined,
      known && "isOwn" in known ? known.run : parent?.run,
      parent,
      this.#shared.key,
      {
        narrowing,
        endedBecause: known && "isOwn" in known ? known.endedBecause : undefined,
        timeoutMs: narrowing ? undefined : timeoutMs,
        debug: debug === true && this.#belongsTo?.debug === true,
      },
    );
  }

  /** An attempt may start. */
  #begin(entry: CallEntry): void {
    if (entry.job) this.#startInWorker(entry, entry.job.load, entry.job.args);
    else this.#admitted(entry);
  }

  #admitted(entry: CallEntry): void {
    const { id, call, core } = entry;
    const attempt = call.state.type === "admitted" ? call.state.attempt : 1;
    if (call.placement === "host") core.start(call);
    const { placement } = call;
    const nowMs = this.#shared.clock.now();
    const timeoutMs = attemptTimeoutMs(call, nowMs);
    const onHost = placement === "host";
    this.#awaitEnding(entry, timeoutMs);
    const said = {
      waitedMs: entry.askedAtMs === undefined ? undefined : Math.round((nowMs - entry.askedAtMs) * 1_000) / 1_000,
      cancelGraceMs: call.policy?.cancelGraceMs ?? 0,
      keepBytes: onHost ? keepBytes(call) : undefined,
      ifReturned: onHost ? this.#toldIfReturned(entry) : undefined,
    };
    entry.askedAtMs = undefined;
    this.#send({ type: "admitted", id, callId: call.id, attempt, placement, timeoutMs, ...said });
  }

  /** A guest has not the key to tell familiar results by. */
  #toldIfReturned({ call, core }: CallEntry): ToldIfReturned | undefined {
    const known = core.ifReturned(call);
    return this.#belongsTo && known && known.unless.length > 0 ? undefined : toldIfReturned(call, known);
  }

  /** The client has the call in its hands: it does not keep it for good, whatever becomes of that one. */
  #awaitEnding(entry: CallEntry, timeoutMs: number | null): void {
    const { call, core, isAtOnce } = entry;
    if (timeoutMs === null) return;
    const graceMs = (call.policy?.cancelGraceMs ?? 0) + HOST_GRACE_MS + (isAtOnce ? 0 : FRAMEWORK_GRACE_MS);
    const inWorker = call.placement === "worker";
    this.#shared.backstop.await(call, timeoutMs + graceMs, (observedMs) =>
      core.end(call, undefined, inWorker ? this.#notBegun(observedMs) : { type: "expired", observedMs }),
    );
  }

  /** Before the body something takes long, which may wait for a person: no longer than a call waits for its turn. */
  #waits(id: number): void {
    const entry = this.#calls.get(id);
    if (entry?.call.placement !== "host") return;
    const { call, core } = entry;
    const waitMs = call.policy?.waitTimeoutMs ?? null;
    if (waitMs === null) return this.#shared.backstop.heard(call);
    this.#shared.backstop.await(call, waitMs, (observedMs) => core.end(call, undefined, this.#notBegun(observedMs)));
  }

  /** The body of a call that waited begins now, unless it has its outcome. */
  #begins(id: number): void {
    const entry = this.#calls.get(id);
    if (!entry) throw new TypeError(`no call ${id} is open`);
    if (entry.isResumed && entry.call.state.type === "admitted")
      return entry.core.claim(entry.call, () => this.#guarded(entry, () => this.#begin(entry)));
    this.#admitted(entry);
  }

  #notBegun(observedMs: number): Ending {
    const detail = `its host did not begin its body within ${formatDuration(observedMs)}`;
    return { type: "cancelled", detail, body: "not-started" };
  }

  #start({ id, load, preparedMs = 0 }: Extract<FromClient, { type: "start" }>, body: Uint8Array): void {
    if (typeof preparedMs !== "number" || !(preparedMs >= 0))
      throw new TypeError(`preparedMs must be a number of at least 0, not ${JSON.stringify(preparedMs)}`);
    const entry = this.#calls.get(id);
    // Only what can have passed: a later attempt, which is started by us, has it behind it.
    if (entry) entry.call.preparedMs = Math.min(preparedMs, this.#shared.clock.now() - entry.call.submittedAtMs);
    if (entry) this.#shared.backstop.heard(entry.call);
    if (entry) this.#guarded(entry, () => this.#begin(Object.assign(entry, { job: { load, args: body } })));
  }

  #startInWorker(entry: CallEntry, load: string, args: Uint8Array): void {
    const { call, core } = entry;
    const attempt = core.queue(call);
    if (attempt === undefined) return;
    const job = jobOf(call, attempt, load, args, this.#shared);
    const { key } = this.#shared;
    let hasBegun = false;
    this.#shared.startedPool().run({
      ...job,
      given: (note, before) => core.give(call, attempt, note, before),
      begun: () => {
        hasBegun = true;
        core.begin(call, attempt);
      },
      ended: (ending, body) => {
        entry.body = body;
        this.#guarded(entry, () => core.end(call, attempt, withPreparation(withKeyedDigest(ending, key), call), body));
      },
    });
    if (!hasBegun) core.waitsForWorker(call);
  }

  #ended(
    { id, attempt, ending, again, quiet = false, secrets }: Extract<FromClient, { type: "ended" }>,
    result: Uint8Array,
  ): void {
    const entry = this.#calls.get(id);
    // Whatever its client says, a call has one outcome.
    const known = withKeyedDigest(toldEnding(ending) ?? NONSENSE, this.#shared.key);
    if (entry) {
      entry.isQuiet = quiet && known !== NONSENSE;
      this.#shared.backstop.heard(entry.call);
      if (entry.isResumed) {
        requireSecrets(secrets);
        if (secrets) entry.core.told(entry.call, { secrets });
        const { state } = entry.call;
        // Before the engine was lost, it had decided that another attempt follows.
        if (state.type === "admitted" && attempt < state.attempt) {
          return entry.core.claim(entry.call, () => this.#guarded(entry, () => this.#begin(entry)));
        }
        entry.core.start(entry.call);
      }
      // If another attempt follows, it waits from now on.
      entry.askedAtMs = this.#shared.clock.now();
      entry.core.end(entry.call, known === NONSENSE ? undefined : attempt, known, result);
    } else if (again) {
      throw new TypeError(`no call ${id} is open`);
    }
  }

  #cancel(id: number): void {
    const entry = this.#calls.get(id);
    if (entry) this.#cancelEntry(entry, "the caller cancelled it");
  }

  /** The client's own to end is what runs there; it tells how that ended. */
  #withdraw(id: number): void {
    const entry = this.#calls.get(id);
    if (entry && !(entry.call.placement === "host" && entry.call.state.type === "running"))
      this.#cancelEntry(entry, "the caller cancelled it");
  }

  /** Of a call that may have its outcome by now. */
  #cancelCall(engine: string, callId: string): void {
    const { core } = this.#engines.get(engine);
    for (const entry of this.#calls.values())
      if (entry.call.id === callId && entry.core === core) return this.#withdraw(entry.id);
  }

  #cancelEntry({ call, core }: CallEntry, detail: string): void {
    core.end(call, undefined, cancelledEnding(call, this.#shared.pool, detail));
  }

  /** An outcome has to be told: one that no frame holds is told with shorter texts. */
  #tell(message: ToClient, body: Uint8Array | undefined): void {
    try {
      this.#send(message, body);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#send(bounded(message), body);
    }
  }

  #settled(id: number, call: Call, outcome: Outcome): void {
    const entry = this.#calls.get(id);
    const answer =
      outcome.status === "succeeded" && outcome.value instanceof PickledAnswer ? outcome.value.bytes : undefined;
    const body = answer ?? entry?.body;
    // The outcome first: while its caller wakes up, the rest is done.
    if (!entry?.isQuiet) {
      const leftMs = body ? rebuildMs(call, this.#shared.clock.now()) : undefined;
      this.#tell({ type: "outcome", id, outcome: headerOf(outcome), rebuildMs: leftMs }, body);
    }
    this.#calls.delete(id);
    this.#shared.calls.delete(call.id);
    this.#shared.guests.revoke(call.id);
    this.#shared.backstop.heard(call);
  }
}
