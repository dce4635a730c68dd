import type { Result } from "../call/result.ts";
/** A call as loop detection sees it. */
export interface SeenCall {
  readonly tool: string;
  readonly fingerprint: string;
  /** Short and readable, such as `fetch(url=a)`. */
  readonly label: string;
  readonly poller: boolean;
  /** Its tool changes nothing: another input is nothing new by itself. */
  readonly readOnly: boolean;
  /** The durations that its input may mean: a call that takes as long as one of them is a wait. */
  readonly namedMs?: readonly number[] | undefined;
}

/** How often in a row one call gave one and the same result. */
export interface Repetition {
  readonly digest: string;
  readonly times: number;
  readonly preview: string | null;
  /** When the call was refused first since it was admitted last; null if it was not. */
  readonly refusedAtMs: number | null;
  /** How often it was refused and let through since: each pause is twice as long as the one before. */
  readonly pauses: number;
  /** How often its history had learned something new by then. */
  readonly news: number;
}

/** How many different inputs in a row gave one tool's same result. */
export interface Streak {
  readonly digest: string;
  readonly failed: boolean;
  readonly times: number;
  readonly preview: string | null;
  readonly inputs: ReadonlySet<string>;
  /** When it was refused first since a call of the tool was admitted last; null if it was not. */
  readonly refusedAtMs: number | null;
}

/** A sequence of calls that was gone through again and again with the same results. */
export interface Cycle {
  readonly rounds: number;
  readonly labels: readonly string[];
}

/** What was known when a call was admitted: it counts as a repetition only of what its caller could have seen. */
export interface LoopTicket {
  readonly entry: Entry;
  readonly atMs: number;
  readonly repetition: Repetition | undefined;
  readonly streak: Streak | undefined;
  /** The digests of this call's results and of its tool's streak: a result with another one repeats nothing. */
  readonly familiar: readonly string[];
}

interface Entry extends SeenCall {
  digest: string | null;
  tookMs: number;
  /** It took as long as its input says. */
  isWait: boolean;
}

export const MAX_PERIOD = 8;
/** Enough for eight rounds of the longest period. */
const MAX_RECENT = MAX_PERIOD * 8;
const MAX_STREAK_INPUTS = 1_000;
/** Distinct calls that one run remembers the results of. */
const MAX_CALLS = 10_000;

/**
 * The latest result of each call of one run, shared by its agents and tasks. Bounded: past 10,000 distinct calls it
 * forgets the one recorded longest ago, so that a repetition slower than that is not seen.
 */
export class CallResults {
  readonly #repetitions = new Map<string, Repetition>();
  /** Goes on from the one forgotten last: a new walk would step over the holes of all that were forgotten before it. */
  #oldest: Iterator<string> | undefined;
  #lastKey: string | undefined;
  #last: Repetition | undefined;

  get(key: string): Repetition | undefined {
    // Asked again and again in the course of one call: the same text is told at a glance.
    if (key !== this.#lastKey) {
      this.#lastKey = key;
      this.#last = this.#repetitions.get(key);
    }
    return this.#last;
  }

  /** Whether it does not know any more what a call gave that it once knew. */
  get hasForgotten(): boolean {
    return this.#oldest !== undefined;
  }

  set(key: string, repetition: Repetition): void {
    if (this.get(key)) this.#repetitions.delete(key);
    this.#repetitions.set(key, repetition);
    this.#last = repetition;
    if (this.#repetitions.size <= MAX_CALLS) return;
    this.#oldest ??= this.#repetitions.keys();
    const oldest = this.#oldest.next().value as string;
    this.#repetitions.delete(oldest);
    if (oldest === this.#lastKey) this.#last = undefined;
  }
}

/**
 * What one agent, at one task of one run, asked for and what came of it. The result decides: a changing one is progress, and
 * a call that has none yet is no repetition. What another call brings that is new is progress too: repetitions count since then. It keeps
 * the last 64 calls for cycles, and one streak for each tool.
 */
export class LoopHistory {
  readonly #prefix: string;
  readonly #results: CallResults;
  readonly #recent: Entry[] = [];
  readonly #streaks = new Map<string, Streak>();
  #lastFingerprint: string | undefined;
  #lastKey = "";
  #lastTool: string | undefined;
  #callsInARow = 0;
  #rejections = 0;
  #rejectedTurn: string | undefined;
  /** How often a call brought something new: a result that this input did not have before. */
  #news = 0;
  /** Why its agent gets no more calls at its task; null while it does. */
  endedBecause: string | null = null;

  /** @param name tells this history's calls from those of others in `results`; that of one history may be empty */
  constructor(name: string, results: CallResults) {
    this.#prefix = name === "" ? "" : `${name}\n`;
    this.#results = results;
  }

  /** Rejections since a call was admitted or something new learned; those of one turn of the model count once. */
  get rejectionsInRow(): number {
    return this.#rejections;
  }

  /** Undefined also where something new was learned since. */
  repetition(fingerprint: string): Repetition | undefined {
    const latest = this.#latest(fingerprint);
    return latest?.news === this.#news ? latest : undefined;
  }

  /** The tool's streak, if no other tool was used since. */
  streak(tool: string): Streak | undefined {
    return this.#lastTool === tool ? this.#streaks.get(tool) : undefined;
  }

  /** Calls of the tool used last, since another one was used. */
  get callsInARow(): number {
    return this.#callsInARow;
  }

  /** Whether a call waited, or took `pauseMs`, since, and with, the latest one of this input that has ended, or the `skipped` one before that. */
  hasWaited(fingerprint: string, pauseMs: number, skipped = 0): boolean {
    let left = skipped;
    for (let at = this.#recent.length - 1; at >= 0; at -= 1) {
      const entry = this.#recent[at] as Entry;
      if (entry.isWait || entry.tookMs >= pauseMs) return true;
      if (entry.fingerprint !== fingerprint || entry.digest === null) continue;
      if (left === 0) break;
      left -= 1;
    }
    return false;
  }

  /** The cycle that the last calls went through `rounds` times or more, and that `next`, if given, would go on with. */
  cycle(rounds: number, next?: string): Cycle | undefined {
    for (let period = 2; period <= MAX_PERIOD; period += 1) {
      if (period * rounds > this.#recent.length) return undefined;
      if (next !== undefined && this.#recent.at(-period)?.fingerprint !== next) continue;
      if (this.#repeats(period, rounds)) return this.#describe(period);
    }
    return undefined;
  }

  admitted(call: SeenCall, turn: string | undefined, atMs: number): LoopTicket {
    const { tool, fingerprint, label, poller, readOnly, namedMs } = call;
    const entry = { tool, fingerprint, label, poller, readOnly, namedMs, digest: null, tookMs: 0, isWait: false };
    const latest = this.#latest(fingerprint);
    if (this.#rejectedTurn === undefined || this.#rejectedTurn !== turn) this.#rejections = 0;
    const repetition = latest?.news === this.#news ? latest : undefined;
    const streak = this.#streaks.get(tool);
    const ticket = { entry, atMs, repetition, streak, familiar: this.#familiar(fingerprint, latest, streak) };
    // Of those that were refused for a while, one is let through at a time.
    if (latest) this.#results.set(this.#keyOf(fingerprint), letThrough(latest));
    if (streak && streak.refusedAtMs !== null) this.#streaks.set(tool, { ...streak, refusedAtMs: null });
    this.#callsInARow = this.#lastTool === tool ? this.#callsInARow + 1 : 1;
    this.#lastTool = tool;
    this.#append(entry);
    return ticket;
  }

  /**
   * @param counts towards the end of its agent
   * @param cycled the call would have gone on with a cycle: it counts as gone on with, so that the whole round is rejected
   */
  rejected(call: SeenCall | undefined, turn: string | undefined, atMs: number, counts: boolean, cycled: boolean): void {
    if (counts) {
      if (turn === undefined || turn !== this.#rejectedTurn) this.#rejections += 1;
      this.#rejectedTurn = turn;
    }
    if (!call) return;
    const latest = this.#latest(call.fingerprint);
    if (latest) this.#results.set(this.#keyOf(call.fingerprint), refused(latest, atMs));
    const streak = this.#streaks.get(call.tool);
    if (streak) this.#streaks.set(call.tool, refused(streak, atMs));
    const digest = this.repetition(call.fingerprint)?.digest;
    if (cycled && digest !== undefined) this.#append({ ...call, digest, tookMs: 0, isWait: false });
  }

  ended({ entry, atMs, repetition, streak }: LoopTicket, result: Result, endedAtMs: number): void {
    const { tool, fingerprint } = entry;
    const { digest, preview } = result;
    entry.digest = digest;
    entry.tookMs = endedAtMs - atMs;
    entry.isWait = isNamed(entry.tookMs, entry.namedMs);
    const latest = this.#latest(fingerprint);
    const grownFrom = this.#streaks.get(tool);
    if (this.#isNew(entry, latest, grownFrom, result)) this.learned();
    const before = latest?.news === this.#news ? latest : undefined;
    const repeats = before?.digest === digest;
    const times = repeats ? Math.max(before.times, timesOf(repetition, digest) + 1) : 1;
    const pauses = repeats ? before.pauses : 0;
    const refusedAtMs = latest?.refusedAtMs ?? null;
    this.#results.set(this.#keyOf(fingerprint), { digest, preview, times, refusedAtMs, pauses, news: this.#news });
    this.#streaks.set(tool, grown(grownFrom, fingerprint, result, timesOf(streak, digest)));
  }

  /** Something new came: also a result that cannot be compared may be. */
  learned(): void {
    this.#news += 1;
    this.#rejections = 0;
  }

  #isNew(
    { readOnly }: SeenCall,
    latest: Repetition | undefined,
    streak: Streak | undefined,
    { digest, failed }: Result,
  ): boolean {
    if (failed || latest?.digest === digest) return false;
    return !readOnly || streak?.digest !== digest;
  }

  #latest(fingerprint: string): Repetition | undefined {
    return this.#results.get(this.#keyOf(fingerprint));
  }

  /** The same text again for the call in hand: a new one would be hashed anew. */
  #keyOf(fingerprint: string): string {
    if (this.#prefix === "") return fingerprint;
    if (fingerprint !== this.#lastFingerprint) {
      this.#lastFingerprint = fingerprint;
      this.#lastKey = this.#prefix + fingerprint;
    }
    return this.#lastKey;
  }

  #familiar(fingerprint: string, latest: Repetition | undefined, streak: Streak | undefined): string[] {
    const digests: string[] = [];
    const add = (digest: string): void => void (digests.includes(digest) || digests.push(digest));
    if (latest?.news === this.#news) add(latest.digest);
    if (streak) add(streak.digest);
    // Most calls have had no result, and need not look.
    if (latest || this.#results.hasForgotten)
      for (const { fingerprint: recent, digest } of this.#recent)
        if (digest !== null && recent === fingerprint) add(digest);
    return digests;
  }

  #append(entry: Entry): void {
    this.#recent.push(entry);
    if (this.#recent.length > MAX_RECENT) this.#recent.shift();
  }

  /** Whether the last `period * rounds` calls are `rounds` times the same, with results, and not all one call. */
  #repeats(period: number, rounds: number): boolean {
    const recent = this.#recent;
    const last = recent.length - 1;
    const first = recent.length - period * rounds;
    let distinct = false;
    for (let at = last; at >= first + period; at -= 1) if (!isSame(recent[at], recent[at - period])) return false;
    for (let at = last; at > last - period; at -= 1) {
      const entry = recent[at];
      // A poller is asked again and again on purpose: only its own limit bounds it.
      if (entry === undefined || entry.digest === null || entry.poller) return false;
      distinct ||= !isSame(entry, recent[last]);
    }
    return distinct;
  }

  #describe(period: number): Cycle {
    let rounds = 1;
    while (period * (rounds + 1) <= this.#recent.length && this.#repeats(period, rounds + 1)) rounds += 1;
    return { rounds, labels: this.#recent.slice(-period).map(({ label }) => label) };
  }
}

function isSame(a: Entry | undefined, b: Entry | undefined): boolean {
  return a !== undefined && b !== undefined && a.fingerprint === b.fingerprint && a.digest === b.digest;
}

function timesOf(seen: Repetition | Streak | undefined, digest: string): number {
  return seen?.digest === digest ? seen.times : 0;
}

function letThrough(seen: Repetition): Repetition {
  return seen.refusedAtMs === null ? seen : { ...seen, refusedAtMs: null, pauses: seen.pauses + 1 };
}

/** Sleeping takes a little longer than it says, and so does the way to a body. */
function isNamed(tookMs: number, namedMs: readonly number[] = []): boolean {
  return namedMs.some((ms) => tookMs >= ms * 0.98 && tookMs <= ms * 1.1 + 200);
}

function refused<Refusable extends { readonly refusedAtMs: number | null }>(seen: Refusable, atMs: number): Refusable {
  return seen.refusedAtMs === null ? { ...seen, refusedAtMs: atMs } : seen;
}

function grown(before: Streak | undefined, fingerprint: string, result: Result, seen: number): Streak {
  const { digest, failed, preview } = result;
  if (before?.digest !== digest)
    return { digest, failed, preview, times: 1, inputs: new Set([fingerprint]), refusedAtMs: null };
  if (before.inputs.has(fingerprint) || before.inputs.size >= MAX_STREAK_INPUTS) return before;
  (before.inputs as Set<string>).add(fingerprint);
  return { ...before, times: Math.max(before.times, seen + 1) };
}
