import type { Trace } from "../call/trace-of.ts";
import { type Effect, isRepeatable } from "../policy/effect.ts";

/** What the ledger needs to know of a call. */
export interface LedgerCall {
  readonly tool: string;
  /** Null where the input cannot be encoded: such a call is never compared. */
  readonly fingerprint: string | null;
  readonly effect: Effect;
  /** The framework's own id of the request. The same id again, with the same input, is the framework's repetition. */
  readonly requestId?: string | undefined;
  /** The application's word that calls with this key are one: also where their request ids differ. */
  readonly idempotencyKey?: string | undefined;
}

/** What becomes of a call; `earlier` is the id of the call that decides it. */
export type LedgerDecision<Stored> =
  | { readonly type: "run" }
  /** A body with this input did not end cleanly: running another could do its effect twice. */
  | { readonly type: "effect-unknown"; readonly earlier: string }
  /** It has been done: here is what came of it; null if that could not be kept. */
  | { readonly type: "done"; readonly earlier: string; readonly stored: Stored | null }
  /** It is under way. */
  | { readonly type: "in-flight"; readonly earlier: string }
  /** The idempotency key belongs to a call with another input. */
  | { readonly type: "key-reused"; readonly earlier: string };

type EntryState<Stored> =
  | { readonly type: "in-flight" }
  | { readonly type: "unknown" }
  | { readonly type: "done"; readonly stored: Stored | null };

interface Entry<Stored> {
  readonly id: string;
  readonly call: LedgerCall;
  /** Under which it can be repeated, each with the call that had the name before and still counts. */
  readonly names: ReadonlyMap<string, Entry<Stored> | undefined>;
  state: EntryState<Stored>;
}

/**
 * What ran in one run, and with which ending: what makes a side effect run once.
 *
 * Bounded: it keeps what came of the last `maxDone` calls that a framework or an application could repeat by name, of the `maxBare`
 * before them that have a key only that they are done, and the last `maxUnknown` calls whose ending is unknown. A tool that has lost one of those is not trusted any more: its
 * calls are `effect-unknown` until the run ends, since the one that was forgotten may be the same.
 */
export class Ledger<Stored> {
  readonly #maxDone: number;
  readonly #maxBare: number;
  readonly #maxUnknown: number;
  /** In flight, or of unknown ending, by call id. */
  readonly #open = new Map<string, Entry<Stored>>();
  readonly #named = new Map<string, Entry<Stored>>();
  readonly #done = new Set<Entry<Stored>>();
  /** Done, by a key, and what came of them is forgotten. */
  readonly #bare = new Set<Entry<Stored>>();
  readonly #unknown = new Set<Entry<Stored>>();
  readonly #unknownByFingerprint = new Map<string, Set<Entry<Stored>>>();
  /** Tools that have lost an unknown ending, with the call that it was. */
  readonly #forgotten = new Map<string, string>();

  constructor({
    maxDone = 1_000,
    maxBare = 100_000,
    maxUnknown = 10_000,
  }: { maxDone?: number; maxBare?: number; maxUnknown?: number } = {}) {
    this.#maxDone = maxDone;
    this.#maxBare = maxBare;
    this.#maxUnknown = maxUnknown;
  }

  /** Decides on a call. Changes nothing: `begin` does, when the call is admitted. */
  decide(call: LedgerCall): LedgerDecision<Stored> {
    const key = call.idempotencyKey === undefined ? undefined : this.#named.get(`key ${call.idempotencyKey}`);
    if (key && (key.call.tool !== call.tool || key.call.fingerprint !== call.fingerprint)) {
      return { type: "key-reused", earlier: key.id };
    }
    if (!isNamed(call)) return this.decideAtStart(call);
    const earlier = namesOf(call)
      .map((name) => this.#named.get(name))
      .find((entry) => entry !== undefined);
    if (earlier?.state.type === "done") return { type: "done", earlier: earlier.id, stored: earlier.state.stored };
    if (earlier?.state.type === "in-flight") return { type: "in-flight", earlier: earlier.id };
    if (earlier && !isRepeatable(call.effect)) return { type: "effect-unknown", earlier: earlier.id };
    return this.decideAtStart(call);
  }

  /** Decides again when the body is about to start: while the call waited, another with its input may have ended badly. */
  decideAtStart({
    tool,
    fingerprint,
    effect,
  }: LedgerCall): LedgerDecision<Stored> & { type: "run" | "effect-unknown" } {
    if (isRepeatable(effect) || this.#unknown.size + this.#forgotten.size === 0) return RUN;
    const unknown = this.#unknownLike(fingerprint) ?? this.#forgotten.get(tool);
    return unknown === undefined ? RUN : { type: "effect-unknown", earlier: unknown };
  }

  /** A call was admitted: its body may run from now on. */
  begin(id: string, call: LedgerCall): void {
    const names = isNamed(call) ? new Map(namesOf(call).map((name) => [name, this.#named.get(name)])) : NO_NAMES;
    const entry: Entry<Stored> = { id, call, names, state: { type: "in-flight" } };
    this.#open.set(id, entry);
    for (const name of names.keys()) this.#named.set(name, entry);
  }

  /**
   * A call ended. Once more for a call of unknown ending if its body's own end is seen late: then it is known.
   *
   * @param stored what to answer a repetition with; null if it cannot be kept
   */
  end(id: string, trace: Trace, stored: Stored | null): void {
    const entry = this.#open.get(id);
    if (!entry) return;
    if (trace === "unknown" && !isRepeatable(entry.call.effect)) return this.#keepUnknown(entry);
    this.#open.delete(id);
    if (entry.state.type === "unknown") this.#forgetUnknown(entry);
    if (trace !== "whole" || entry.names.size === 0) return this.#dropNames(entry);
    entry.state = { type: "done", stored };
    this.#done.add(entry);
    const [oldest] = this.#done;
    if (this.#done.size <= this.#maxDone || !oldest) return;
    this.#done.delete(oldest);
    if (oldest.call.idempotencyKey === undefined) return this.#dropNames(oldest);
    // That it is done must be known longer than what came of it.
    oldest.state = { type: "done", stored: null };
    this.#bare.add(oldest);
    const [first] = this.#bare;
    if (this.#bare.size <= this.#maxBare || !first) return;
    this.#bare.delete(first);
    this.#dropNames(first);
  }

  #keepUnknown(entry: Entry<Stored>): void {
    entry.state = { type: "unknown" };
    this.#unknown.add(entry);
    const { fingerprint } = entry.call;
    if (fingerprint !== null) {
      const same = this.#unknownByFingerprint.get(fingerprint) ?? new Set();
      this.#unknownByFingerprint.set(fingerprint, same.add(entry));
    }
    const [oldest] = this.#unknown;
    if (this.#unknown.size <= this.#maxUnknown || !oldest) return;
    this.#open.delete(oldest.id);
    this.#forgetUnknown(oldest);
    this.#dropNames(oldest);
    this.#forgotten.set(oldest.call.tool, oldest.id);
  }

  #unknownLike(fingerprint: string | null): string | undefined {
    const [entry] = (fingerprint === null ? undefined : this.#unknownByFingerprint.get(fingerprint)) ?? [];
    return entry?.id;
  }

  #forgetUnknown(entry: Entry<Stored>): void {
    if (!this.#unknown.delete(entry) || entry.call.fingerprint === null) return;
    const same = this.#unknownByFingerprint.get(entry.call.fingerprint);
    same?.delete(entry);
    if (same?.size === 0) this.#unknownByFingerprint.delete(entry.call.fingerprint);
  }

  #counts(entry: Entry<Stored>): boolean {
    return this.#done.has(entry) || this.#bare.has(entry) || this.#open.has(entry.id);
  }

  /** The names are again of the calls that had them before, where those count. */
  #dropNames(entry: Entry<Stored>): void {
    for (const name of entry.names.keys()) {
      if (this.#named.get(name) !== entry) continue;
      let earlier = entry.names.get(name);
      while (earlier && !this.#counts(earlier)) earlier = earlier.names.get(name);
      if (earlier) this.#named.set(name, earlier);
      else this.#named.delete(name);
    }
  }
}

const RUN = Object.freeze({ type: "run" });
const NO_NAMES: ReadonlyMap<string, undefined> = new Map();

function isNamed({ requestId, idempotencyKey }: LedgerCall): boolean {
  return requestId !== undefined || idempotencyKey !== undefined;
}

/** A key is the application's word, so it holds also where the input cannot be compared; a framework's id does not. */
function namesOf({ requestId, idempotencyKey, fingerprint }: LedgerCall): string[] {
  return [
    ...(idempotencyKey === undefined ? [] : [`key ${idempotencyKey}`]),
    ...(requestId === undefined || fingerprint === null ? [] : [`request ${requestId} ${fingerprint}`]),
  ];
}
