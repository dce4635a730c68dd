/** How one call ended, as far as loops are concerned. */
export interface Result {
  /** Equal for results that are the same, and only for those. */
  readonly digest: string;
  readonly failed: boolean;
  /** The beginning of it, for the model; null where it has no short form. */
  readonly preview: string | null;
}

/** A call as loop detection sees it. */
export interface SeenCall {
  readonly tool: string;
  readonly fingerprint: string;
  /** Short and readable, such as `fetch(url=a)`. */
  readonly label: string;
  readonly poller: boolean;
}

/** How often in a row one call gave one and the same result. */
export interface Repetition {
  readonly digest: string;
  readonly times: number;
  readonly preview: string | null;
}

/** How many different inputs in a row gave one tool's same result. */
export interface Streak {
  readonly digest: string;
  readonly failed: boolean;
  readonly times: number;
  readonly preview: string | null;
  readonly inputs: ReadonlySet<string>;
}

/** A sequence of calls that was gone through again and again with the same results. */
export interface Cycle {
  readonly rounds: number;
  readonly labels: readonly string[];
}

/** What was known when a call was admitted: it counts as a repetition only of what its caller could have seen. */
export interface LoopTicket {
  readonly entry: Entry;
  readonly repetition: Repetition | undefined;
  readonly streak: Streak | undefined;
  /** The digests of this call's results and of its tool's streak: a result with another one repeats nothing. */
  readonly familiar: readonly string[];
}

interface Entry extends SeenCall {
  digest: string | null;
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

  get(key: string): Repetition | undefined {
    return this.#repetitions.get(key);
  }

  set(key: string, repetition: Repetition): void {
    this.#repetitions.delete(key);
    this.#repetitions.set(key, repetition);
    if (this.#repetitions.size <= MAX_CALLS) return;
    this.#oldest ??= this.#repetitions.keys();
    this.#repetitions.delete(this.#oldest.next().value as string);
  }
}

/**
 * What one agent, at one task of one run, asked for and what came of it. The result decides: a changing one is progress, and
 * a call that has none yet is no repetition. It keeps the last 64 calls for cycles, and one streak for each tool.
 */
export class LoopHistory {
  readonly #prefix: string;
  readonly #results: CallResults;
  readonly #recent: Entry[] = [];
  /** How many of those each call has: most calls have none, and need not look. */
  readonly #recentByFingerprint = new Map<string, number>();
  readonly #streaks = new Map<string, Streak>();
  #lastTool: string | undefined;
  #callsInARow = 0;
  #rejections = 0;
  #rejectedTurn: string | undefined;

  /** @param name tells this history's calls from those of others in `results` */
  constructor(name: string, results: CallResults) {
    this.#prefix = `${name}\n`;
    this.#results = results;
  }

  /** Rejections since the last admitted call; those of one turn of the model count once. */
  get rejectionsInRow(): number {
    return this.#rejections;
  }

  repetition(fingerprint: string): Repetition | undefined {
    return this.#results.get(this.#prefix + fingerprint);
  }

  /** The tool's streak, if no other tool was used since. */
  streak(tool: string): Streak | undefined {
    return this.#lastTool === tool ? this.#streaks.get(tool) : undefined;
  }

  /** Calls of the tool used last, since another one was used. */
  get callsInARow(): number {
    return this.#callsInARow;
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

  admitted(call: SeenCall, turn: string | undefined): LoopTicket {
    if (this.#rejectedTurn === undefined || this.#rejectedTurn !== turn) this.#rejections = 0;
    const entry = { ...call, digest: null };
    const repetition = this.repetition(call.fingerprint);
    const streak = this.#streaks.get(call.tool);
    const ticket = { entry, repetition, streak, familiar: this.#familiar(call.fingerprint, repetition, streak) };
    this.#callsInARow = this.#lastTool === call.tool ? this.#callsInARow + 1 : 1;
    this.#lastTool = call.tool;
    this.#append(entry);
    return ticket;
  }

  /** @param cycled the call would have gone on with a cycle: it counts as gone on with, so that the whole round is rejected */
  rejected(call: SeenCall | undefined, turn: string | undefined, cycled: boolean): void {
    if (turn === undefined || turn !== this.#rejectedTurn) this.#rejections += 1;
    this.#rejectedTurn = turn;
    const digest = call && this.repetition(call.fingerprint)?.digest;
    if (cycled && call && digest !== undefined) this.#append({ ...call, digest });
  }

  ended({ entry, repetition, streak }: LoopTicket, result: Result): void {
    const { tool, fingerprint } = entry;
    const { digest, preview } = result;
    entry.digest = digest;
    const before = this.repetition(fingerprint);
    const times = before?.digest === digest ? Math.max(before.times, timesOf(repetition, digest) + 1) : 1;
    this.#results.set(this.#prefix + fingerprint, { digest, preview, times });
    this.#streaks.set(tool, grown(this.#streaks.get(tool), fingerprint, result, timesOf(streak, digest)));
  }

  #familiar(fingerprint: string, repetition: Repetition | undefined, streak: Streak | undefined): string[] {
    const digests = new Set<string>();
    if (repetition) digests.add(repetition.digest);
    if (streak) digests.add(streak.digest);
    if (this.#recentByFingerprint.has(fingerprint))
      for (const { fingerprint: recent, digest } of this.#recent)
        if (digest !== null && recent === fingerprint) digests.add(digest);
    return [...digests];
  }

  #append(entry: Entry): void {
    this.#recent.push(entry);
    this.#countRecent(entry.fingerprint, 1);
    const forgotten = this.#recent.length > MAX_RECENT ? this.#recent.shift() : undefined;
    if (forgotten) this.#countRecent(forgotten.fingerprint, -1);
  }

  #countRecent(fingerprint: string, by: number): void {
    const count = (this.#recentByFingerprint.get(fingerprint) ?? 0) + by;
    if (count > 0) this.#recentByFingerprint.set(fingerprint, count);
    else this.#recentByFingerprint.delete(fingerprint);
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

function grown(before: Streak | undefined, fingerprint: string, result: Result, seen: number): Streak {
  const { digest, failed, preview } = result;
  if (before?.digest !== digest) return { digest, failed, preview, times: 1, inputs: new Set([fingerprint]) };
  if (before.inputs.has(fingerprint) || before.inputs.size >= MAX_STREAK_INPUTS) return before;
  (before.inputs as Set<string>).add(fingerprint);
  return { ...before, times: Math.max(before.times, seen + 1) };
}
