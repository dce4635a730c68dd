import { bodiesStarted, type Ending } from "../call/ending.ts";
import type { ObservedRejection, Outcome } from "../call/outcome.ts";
import { redactEnding } from "../call/redaction.ts";
import { noticesAtOnce, reject } from "../guards/admission.ts";
import { admissionRequest } from "../guards/admission-request.ts";
import type { Rejection } from "../guards/guard.ts";
import { observe } from "../guards/rejection-text.ts";
import { repetitionOf } from "../guards/repetition.ts";
import { narrowed } from "../policy/narrowed.ts";
import {
  type EffectiveLimit,
  type EngineOptions,
  Policies,
  type Policy,
  type PolicyOptions,
} from "../policy/policy.ts";
import { withinTree } from "../policy/within-tree.ts";
import { CachedAnswers } from "../state/cached-answers.ts";
import { acceptsEnding, type Call, type CallEvent, transition } from "../state/call.ts";
import type { EngineUsage } from "../state/engine-usage.ts";
import { type CallInFlight, callInFlight } from "../state/in-flight.ts";
import { type Journal, NotRecordedError, noJournal } from "../state/journal.ts";
import { type ResultCodec, snapshotCodec } from "../state/kept-result.ts";
import { endedOutcome, type IfReturned, rejectedOutcome } from "../state/outcome-of.ts";
import { type OpenCall, type Remembered, replay } from "../state/replay.ts";
import type { CachedResult } from "../state/result-cache.ts";
import type { Run } from "../state/run.ts";
import { type StoredEnding, toldAgain } from "../state/stored-ending.ts";
import { type CallObserver, noObserver } from "../telemetry/call-observer.ts";
import type { Clock } from "../util/clock.ts";
import { suggestNames } from "../util/nearest.ts";
import { Attempts, overAllAttempts } from "./attempts.ts";
import { type Booked, Bookkeeping, isPlainResult } from "./bookkeeping.ts";
import { type CallRequest, newCall, resumedCall, secretsIn, withOnceKey } from "./call-request.ts";
import { CallsBehind } from "./calls-behind.ts";
import { seenCall } from "./entry-of.ts";
import { type CoreLoad, Turns } from "./turns.ts";

/** Told once for each call, when it has its outcome. */
export type SettledListener = (outcome: Outcome, call: Call) => void;

const NONE_OBSERVED: readonly ObservedRejection[] = Object.freeze([]);

interface Live {
  readonly settled: SettledListener;
  readonly observed: readonly ObservedRejection[];
  /** Of a call that was admitted. */
  readonly booked?: Booked;
}

/**
 * What both doors share: policies, admission, and the life of every call. It starts no body itself: a door does, and reports
 * the ending. Whatever changes its counts is written to the journal first.
 */
export class EngineCore {
  readonly #clock: Clock;
  readonly #policies: Policies;
  readonly #books: Bookkeeping;
  readonly #attempts: Attempts;
  readonly #answers: CachedAnswers;
  readonly #turns: Turns;
  readonly #behind: CallsBehind;
  readonly #live = new Map<Call, Live>();
  /** Calls whose turn has come and for which no worker is free. */
  readonly #forWorker = new Set<Call>();
  /** Tools that gave a result which cannot be compared: their loops are not seen by it. */
  readonly #uncompared = new Set<string>();
  /** Calls whose tree began in another engine. */
  readonly #joined = new WeakSet<Call>();
  readonly #idPrefix: string;
  /** Since when it is known that its journal cannot be read: what is limited over the whole engine may be used up. Null: all is known. */
  forgottenAtMs: number | null = null;
  /** Told of all that happens to calls. */
  observer: CallObserver = noObserver;
  /** When a call would have a chance again, while calls are to be rejected. */
  rejectsForMs: () => number | undefined = () => undefined;
  #lastCall = 0;

  /**
   * @param idPrefix makes call ids unique among engines
   * @param codec how results are kept
   * @param random from 0 to below 1, for the waits between attempts
   * @throws as {@link Policies} does
   */
  constructor(
    options: EngineOptions,
    clock: Clock,
    idPrefix: string,
    journal: Journal = noJournal,
    remembered: Remembered = replay([]),
    codec: ResultCodec = snapshotCodec,
    random: () => number = Math.random,
  ) {
    this.#policies = new Policies(options);
    this.#books = new Bookkeeping(remembered.usage, clock, journal);
    this.#clock = clock;
    this.#idPrefix = idPrefix;
    this.#attempts = new Attempts(this.#books, clock, random);
    this.#answers = new CachedAnswers(clock, codec);
    this.#behind = new CallsBehind(clock);
    this.#turns = new Turns(this.#policies, this.#attempts, clock, {
      waits: (call) => this.observer.waits(call),
      answer: (call, result) => this.#answer(call, result, "flight"),
      end: (call, ending) => this.end(call, undefined, ending),
    });
  }

  /** What the engine itself was given, with what its preset says. */
  get policy(): Policy {
    return this.#policies.engine;
  }

  /** Adds a tool, or replaces the options of one; its counts stay. Throws as {@link Policies.setTool} does. */
  setPolicy(tool: string, options: PolicyOptions): void {
    this.#policies.setTool(tool, options);
  }

  /** What its earlier bodies have returned answers nobody any more. */
  forgetResults(tool: string): void {
    this.#answers.forget(tool);
  }

  hasTool(tool: string): boolean {
    return this.#policies.has(tool);
  }

  /** Whether calls of the tool are told apart by their inputs, in a run or not. */
  comparesInputs(tool: string): boolean {
    const policy = this.#policies.of(tool, undefined);
    return policy?.cache === true || policy?.once === true;
  }

  /** Every limit in force for a tool and where it comes from; undefined if there is no such tool. */
  describe(tool: string, agent?: string): Readonly<Record<string, EffectiveLimit>> | undefined {
    const limits = this.#policies.describe(tool, agent);
    if (!limits || !this.#uncompared.has(tool)) return limits;
    return { ...limits, comparedResults: { value: false, from: "a result of it that has no form to compare" } };
  }

  /** Ends a run: it takes no more calls. Those in flight go on. */
  endRun(run: Run, reason: string): void {
    if (run.endedBecause !== null) return;
    this.#books.endRun(run, reason);
    this.observer.runEnded(run.id, reason);
  }

  /** Ends an agent at its task; the run where that many of its agents were. */
  #endAgent(run: Run, request: CallRequest, { endedAgentsToEndRun: limit }: Policy, reason: string): void {
    this.#books.endAgent(run, request, reason);
    this.observer.agentEnded(run.id, request.agent, request.task, reason);
    if (limit !== null && run.endedAgents >= limit) {
      this.endRun(run, `${run.endedAgents} of its agents were ended, the last because ${reason}`);
    }
  }

  /** Calls in flight, those of them that wait for their turn or a worker, and the permits. */
  get load(): CoreLoad {
    return { inFlight: this.#live.size, waiting: this.waiting, permits: this.#turns.claims.permits };
  }

  get inFlight(): number {
    return this.#live.size;
  }

  get waiting(): number {
    return this.#turns.claims.waiting + this.#forWorker.size + this.#behind.size;
  }

  /**
   * Under pressure: this fraction of what may run at once. Where nothing limits that, of what wants to, and for memory only: most calls wait for
   * something else than a processor. @returns how many those are now; null is no limit, undefined that nothing has changed
   */
  setConcurrency(fraction: number, isForMemory: boolean): number | null | undefined {
    return this.#turns.claims.setConcurrency(fraction, isForMemory);
  }

  /** @param isShown which of them the asker may see */
  callsInFlight(isShown: (call: Call) => boolean = () => true): CallInFlight[] {
    const nowMs = this.#clock.now();
    return [...this.#live.keys()].filter(isShown).map((call) => callInFlight(call, nowMs));
  }

  /** What its calls have used, for whoever writes it down. */
  get usage(): EngineUsage {
    return this.#books.usage;
  }

  /** Takes up a call that a lost engine had admitted: it goes on as if nothing had happened. */
  resume(open: OpenCall, parent: Call | undefined, run: Run | undefined, settled: SettledListener): Call {
    const { entry, ticket, attempt } = open;
    const call = resumedCall(entry, parent, run, this.#policies.engine);
    this.#live.set(call, { settled, observed: [], booked: { admitted: entry, ticket } });
    if (attempt > 1) this.#attempts.resumed(call, attempt - 1);
    this.#move(call, { type: "admit", attempt });
    return call;
  }

  /** What the client of a resumed call tells of its input, which no journal has. */
  told(call: Call, input: Pick<CallRequest, "input" | "secrets">): void {
    this.#findPolicy(call);
    if (call.policy) call.secrets = secretsIn(input, call.policy);
  }

  /** As a call was resumed, the limits of its tool were not known yet. */
  #findPolicy(call: Call): void {
    if (call.policy !== this.#policies.engine) return;
    const admitted = this.#live.get(call)?.booked?.admitted;
    call.policy = this.#policies.of(call.tool, admitted?.agentName ?? admitted?.agent) ?? call.policy;
  }

  /**
   * Decides on a call. It comes back admitted, or settled: then `settled` has been told already. One of a tool with `once` that repeats
   * one under way comes back submitted: it is decided on when that one has ended.
   */
  submit(asked: CallRequest, settled: SettledListener): Call {
    const nowMs = this.#clock.now();
    const { parent } = asked;
    const own = this.#policies.of(asked.tool, asked.agentName ?? asked.agent);
    const request = withOnceKey(asked, own);
    const isOnce = request !== asked;
    // Below another engine's body, what bounds that one's whole tree holds here too.
    const joins = parent !== undefined && (!this.#live.has(parent) || this.#joined.has(parent));
    const bounded = joins && own && parent.policy ? withinTree(own, parent.policy) : own;
    const policy = bounded && request.narrowing ? narrowed(bounded, request.narrowing) : bounded;
    const call = newCall(`${this.#idPrefix}-${++this.#lastCall}`, request, policy, nowMs);
    if (joins) this.#joined.add(call);
    if (!policy) {
      const figures = { detail: suggestNames(call.tool, this.#policies.tools) };
      return this.#reject(call, { code: "unknown-tool", figures }, settled);
    }
    if (request.endedBecause !== undefined) {
      return this.#reject(call, { code: "run-ended", figures: { detail: request.endedBecause } }, settled);
    }
    if (request.failedDependency !== undefined) {
      const figures = { detail: request.failedDependency };
      return this.#reject(call, { code: "dependency-failed", figures }, settled);
    }
    if (policy.once && request.fingerprint === null && request.idempotencyKey === undefined) {
      const figures = { detail: "it cannot be encoded, so it would not be known again, as `once` asks" };
      return this.#reject(call, { code: "invalid-input", figures }, settled);
    }
    this.#decide(call, request, policy, isOnce, settled, nowMs);
    return call;
  }

  #decide(
    call: Call,
    request: CallRequest,
    policy: Policy,
    isOnce: boolean,
    settled: SettledListener,
    nowMs = this.#clock.now(),
  ): Call {
    const { run } = request;
    const isNamed = request.idempotencyKey !== undefined || (run && request.requestId !== undefined);
    const repetition = isNamed ? repetitionOf(call, policy, run?.ledger ?? this.usage.ledger) : undefined;
    const stored = repetition && "ending" in repetition ? repetition : undefined;
    if (stored && !isOnce) return this.#tellAgain(call, stored, settled);
    const refusal = repetition && !("ending" in repetition) ? repetition : undefined;
    const first =
      isOnce && refusal?.code === "already-running" ? this.#sibling(call, refusal.figures.detail) : undefined;
    if (first && policy.mode === "enforce") {
      this.#live.set(call, { settled, observed: [] });
      const decide = (): void => void this.#decide(call, request, policy, isOnce, settled);
      this.#behind.add(call, first.id, decide, (ending) => this.end(call, undefined, ending));
      this.observer.waits(call);
      return call;
    }
    if (refusal && policy.mode === "enforce") return this.#reject(call, refusal, settled);
    const watched = run && !request.byCode && (!request.parent || request.agent !== undefined);
    const history = watched ? run.history(request.agent, request.task) : undefined;
    const kept = policy.cache ? this.#answers.find(call) : undefined;
    const isAnswered = kept !== undefined || stored !== undefined;
    const circumstances = {
      forgottenAtMs: this.forgottenAtMs,
      stuckBodies: request.stuckBodies ?? 0,
      rejectsForMs: this.rejectsForMs(),
      ledger: request.byCode ? undefined : run?.ledger,
      history,
      isAnswered,
    };
    const rejection = reject(admissionRequest(call, policy, this.usage.of(call.tool), nowMs, circumstances));
    const seen = history && seenCall(call, request, policy);
    if (rejection && policy.mode === "enforce") {
      const endAgent = watched ? this.#books.reject(rejection, run, request, policy, seen, nowMs) : null;
      if (endAgent === null || !run) return this.#reject(call, rejection, settled);
      this.#endAgent(run, request, policy, endAgent);
      return this.#reject(call, { code: "agent-ended", figures: { detail: endAgent } }, settled);
    }
    const passed = refusal || rejection ? [refusal, rejection].filter((found) => found !== undefined) : [];
    const observed = passed.length === 0 ? NONE_OBSERVED : passed.map((found) => observe(call.tool, found));
    const booked = this.#admit(call, request, policy, seen, isAnswered);
    if (!("admitted" in booked)) return this.#reject(call, booked, settled);
    this.#live.set(call, { settled, observed, booked });
    this.#move(call, { type: "admit" });
    this.observer.admitted(call);
    if (stored) {
      // The model asks again, not its framework: loops see it.
      const { answer, result } = toldAgain(stored);
      this.end(call, undefined, answer, result && this.#answers.restore(result));
    } else if (kept) this.#answer(call, kept, "cache");
    return call;
  }

  /** The call of this id, if the given one may wait for it: made by the same body, or both by none. Another could be waiting for the given one. */
  #sibling({ parent }: Call, id: string | undefined): Call | undefined {
    for (const other of this.#live.keys()) if (other.id === id && other.parent === parent) return other;
    return undefined;
  }

  /** An admitted call asks for its turn: `begin` is told when its body may start, at once if nothing is in the way. */
  claim(call: Call, begin: () => void): void {
    if (this.#behind.holds(call, () => this.claim(call, begin))) return;
    this.#findPolicy(call);
    const { policy } = call;
    const entry = this.#live.get(call)?.booked?.admitted;
    if (call.state.type !== "admitted" || !policy || !entry) return;
    this.#turns.take(call, policy, entry, begin);
  }

  /** The body of an admitted call is about to run. @returns the attempt, or undefined if the call has ended meanwhile */
  start(call: Call): number | undefined {
    const attempt = this.queue(call);
    if (attempt !== undefined) this.begin(call, attempt);
    return attempt;
  }

  /** The same for a body that may still have to wait for a worker: `begin` tells when one has it. */
  queue(call: Call): number | undefined {
    return this.#move(call, { type: "start" }) && call.state.type === "running" ? call.state.attempt : undefined;
  }

  /** Its turn has come, and no worker is free for it. */
  waitsForWorker(call: Call): void {
    if (call.state.type === "settled") return;
    this.#forWorker.add(call);
    this.observer.waits(call);
  }

  /** An attempt is about to be sent to a worker: whoever reads the journal must know that its body may have begun. */
  give(call: Call, attempt: number, note: string, before: string): void {
    this.#books.give(call, attempt, note, before);
  }

  begin(call: Call, attempt: number): void {
    this.#forWorker.delete(call);
    const isFirst = call.startedAtMs === undefined;
    call.startedAtMs ??= this.#clock.now() - call.preparedMs;
    this.observer.started(call, attempt);
    if (isFirst) this.#turns.begun(call);
  }

  /**
   * What the outcome of a running call will be if its body returns, so that a host need not wait to hear it; `unless` are digests
   * of results that may bring a notice with them. Undefined where any result may.
   */
  ifReturned(call: Call): IfReturned | undefined {
    const live = this.#live.get(call);
    if (!live?.booked || !call.policy || noticesAtOnce(call.policy)) return undefined;
    const { booked, observed } = live;
    return { attempts: this.#attempts.bodiesBefore(call) + 1, observed, unless: booked.ticket?.familiar ?? [] };
  }

  /** An attempt ended. The late ending of a call that has its outcome is ignored. */
  end(call: Call, attempt: number | undefined, given: Ending, value?: unknown): void {
    const live = this.#live.get(call);
    if (!live || !acceptsEnding(call.state, attempt)) return;
    this.#findPolicy(call);
    const ending = call.policy ? redactEnding(given, call.secrets, call.policy.redact) : given;
    if (attempt !== undefined && call.policy && call.policy.maxAttempts > 1 && live.booked) {
      const delayMs = this.#attempts.plan(call, live.booked, attempt, ending);
      if (delayMs !== null) {
        this.#move(call, { type: "retry", attempt });
        this.observer.retried(call, attempt, delayMs);
        return this.#attempts.wait(call, delayMs);
      }
    }
    const { booked, observed } = live;
    if (ending.type === "returned" && ending.digest === null) this.#uncompared.add(call.tool);
    const kept = ending.type === "returned" ? this.#answers.store(call, ending, value) : undefined;
    // What is certain is told first, and written down while the caller wakes up.
    const isCertain = booked !== undefined && isPlainResult(call, booked, ending);
    const nowMs = this.#clock.now();
    const notice = booked && !isCertain ? this.#books.end(call, booked, ending, nowMs, kept) : null;
    const before = this.#attempts.ended(call);
    if (ending.type === "answered") this.observer.answered(call, ending.by ?? "framework");
    const settlement = { nowMs, attempts: before + bodiesStarted(ending), notice, value, observed };
    const told = before === 0 ? ending : overAllAttempts(ending, call, nowMs);
    const outcome = endedOutcome(call, told, settlement);
    if (!this.#tell(call, attempt, outcome)) return;
    if (isCertain) this.#books.end(call, booked, ending, nowMs, kept);
    this.#settled(call, outcome);
    this.#turns.ended(call, ending, kept);
  }

  #answer(call: Call, result: CachedResult, by: "cache" | "flight"): void {
    const { digest, preview } = result;
    this.end(call, undefined, { type: "answered", digest, preview, by }, this.#answers.restore(result));
  }

  /** A call that repeats another by name has that one's ending, without a body; for loops and counts it is no call of its own. */
  #tellAgain(call: Call, stored: StoredEnding, settled: SettledListener): Call {
    const { answer, result } = toldAgain(stored);
    const value = result && this.#answers.restore(result);
    const settlement = { nowMs: this.#clock.now(), attempts: 0, notice: null, observed: [], value };
    this.observer.answered(call, "ledger");
    return this.#conclude(call, endedOutcome(call, answer, settlement), settled);
  }

  /** What cannot be written down is not admitted. */
  #admit(...asked: Parameters<Bookkeeping["admit"]>): Booked | Rejection {
    try {
      return this.#books.admit(...asked);
    } catch (error) {
      if (!(error instanceof NotRecordedError)) throw error;
      return { code: "not-recorded", figures: { detail: error.message } };
    }
  }

  #reject(call: Call, { code, figures }: Rejection, settled: SettledListener): Call {
    return this.#conclude(call, rejectedOutcome(call, code, figures, this.#clock.now()), settled);
  }

  /** Of a call that is not admitted. */
  #conclude(call: Call, outcome: Outcome, settled: SettledListener): Call {
    this.#live.set(call, { settled, observed: [] });
    this.#tell(call, undefined, outcome);
    this.#settled(call, outcome);
    return call;
  }

  /** Tells who waits for the call. @returns false if it has its outcome already */
  #tell(call: Call, attempt: number | undefined, outcome: Outcome): boolean {
    const live = this.#live.get(call);
    if (!live || !this.#move(call, { type: "settle", attempt, outcome })) return false;
    this.#live.delete(call);
    this.#forWorker.delete(call);
    live.settled(outcome, call);
    return true;
  }

  /** What follows once the outcome is told, and written down. */
  #settled(call: Call, outcome: Outcome): void {
    this.observer.settled(call, outcome);
    this.#turns.claims.end(call);
    this.#behind.ended(call);
  }

  #move(call: Call, event: CallEvent): boolean {
    const before = call.state;
    call.state = transition(before, event);
    return call.state !== before;
  }
}
