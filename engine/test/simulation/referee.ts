/** A promise that was not kept, with the instant of the simulation. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** What the referee knows of a call: only what the simulation itself did. */
export interface RefereedCall {
  readonly id: number;
  readonly tool: string;
  readonly run: number;
  readonly parent: RefereedCall | undefined;
  readonly limits: ReadonlyMap<string, number>;
  /** Nested bodies that run, by cap. */
  readonly below: Map<string, number>;
  outcome: string | undefined;
  isRunning: boolean;
}

export function refereed(
  id: number,
  { name, limits }: { readonly name: string; readonly limits: ReadonlyMap<string, number> },
  run: number,
  parent: RefereedCall | undefined,
): RefereedCall {
  return { id, tool: name, run, parent, limits, below: new Map(), outcome: undefined, isRunning: false };
}

/**
 * Watches from outside that the promises are kept, with books of its own: it never asks the parts that it watches.
 * Of a body and a nested one that it waits for, only the nested one is counted against a cap that both need.
 */
export class Referee {
  #engineLimit: number;
  /** Permits that may be out: more than the limit while it was lowered and calls from before still hold them. */
  #engineCeiling: number;
  readonly #active = new Map<string, number>();
  /** Bodies that run, those that wait for nested ones included: each may hold a permit. */
  readonly #holding = new Map<string, number>();
  readonly #waiting = new Map<string, number[]>();
  readonly #laneStarts = new Map<string, number>();
  readonly #headSince = new Map<string, number>();
  readonly #unknown = new Set<string>();
  readonly #flying = new Map<string, number>();
  #nowMs: () => number;
  readonly #runs: number;
  outcomes = 0;
  /** A number that depends on every outcome and its order: two simulations of one seed have the same. */
  digest = 0;

  constructor(engineLimit: number, runs: number, nowMs: () => number) {
    this.#engineLimit = engineLimit;
    this.#engineCeiling = engineLimit;
    this.#runs = runs;
    this.#nowMs = nowMs;
  }

  check(holds: boolean, promise: string): void {
    if (!holds) throw new Violation(`${promise} (at ${this.#nowMs().toFixed(3)} ms)`);
  }

  set engineLimit(limit: number) {
    this.#engineLimit = limit;
    this.#engineCeiling = Math.max(this.#engineCeiling, limit);
    this.#lowerCeiling();
  }

  started(call: RefereedCall): void {
    this.check(
      !call.isRunning && call.outcome === undefined,
      `call ${call.id} runs once at a time, before its outcome`,
    );
    call.isRunning = true;
    for (const cap of call.limits.keys()) {
      const before = this.#count(cap);
      this.#holding.set(cap, (this.#holding.get(cap) ?? 0) + 1);
      const above = nearest(call, cap);
      if (above && (above.below.get(cap) ?? 0) === 0) this.#add(cap, -1);
      if (above) above.below.set(cap, (above.below.get(cap) ?? 0) + 1);
      this.#add(cap, 1);
      const limit = this.#limit(call, cap);
      // A nested body may use a permit that its parent has had since before the limit was lowered.
      const most = above && cap === "engine" ? this.#engineCeiling : Math.max(limit, before);
      this.check(this.#count(cap) <= most, `${cap} is never exceeded: ${this.#count(cap)} of ${limit}`);
    }
  }

  ended(call: RefereedCall): void {
    this.check(call.isRunning, `call ${call.id} ends only what it began`);
    call.isRunning = false;
    for (const cap of call.limits.keys()) {
      this.check((call.below.get(cap) ?? 0) === 0, `call ${call.id} ends after its nested calls`);
      this.#holding.set(cap, (this.#holding.get(cap) ?? 0) - 1);
      this.#add(cap, -1);
      const above = nearest(call, cap);
      if (!above) continue;
      above.below.set(cap, (above.below.get(cap) ?? 1) - 1);
      if (above.below.get(cap) === 0) this.#add(cap, 1);
    }
    this.#lowerCeiling();
  }

  settled(call: RefereedCall, outcome: string): void {
    this.check(call.outcome === undefined, `call ${call.id} has one outcome: ${call.outcome}, then ${outcome}`);
    call.outcome = outcome;
    this.outcomes++;
    for (const letter of `${call.id} ${outcome}`)
      this.digest = Math.imul(this.digest ^ letter.charCodeAt(0), 16_777_619) >>> 0;
  }

  /** A call of no body waits. `lane`: calls with the same need. */
  waits(lane: string, run: number, place: number): void {
    const line = this.#waiting.get(`${lane} ${run}`) ?? [];
    if (line.length === 0) this.#headSince.set(`${lane} ${run}`, this.#laneStarts.get(lane) ?? 0);
    line.push(place);
    this.#waiting.set(`${lane} ${run}`, line);
  }

  /** It stopped waiting: it got its permits, or it left. */
  waited(lane: string, run: number, place: number, wasGranted: boolean): void {
    const key = `${lane} ${run}`;
    const line = this.#waiting.get(key) ?? [];
    const index = line.indexOf(place);
    const starts = this.#laneStarts.get(lane) ?? 0;
    if (wasGranted) {
      this.check(index === 0, `the calls of a run keep their order: ${line[0]} before ${place}`);
      const passedBy = starts - (this.#headSince.get(key) ?? 0);
      this.check(
        passedBy <= this.#runs,
        `runs are served in turn: ${passedBy} calls went before run ${run} had its turn`,
      );
      this.#laneStarts.set(lane, starts + 1);
    }
    line.splice(index, 1);
    if (index === 0) this.#headSince.set(key, starts + (wasGranted ? 1 : 0));
    if (line.length === 0) this.#waiting.delete(key);
  }

  /** A wait passed its limit: then one of its caps was full, but for the one permit that may be kept for another. */
  waitExpired(call: RefereedCall, waitedMs: number, limitMs: number): void {
    this.check(waitedMs <= limitMs + 1e-6, `no call waits longer than its limit: ${waitedMs} of ${limitMs}`);
    const isFull = [...call.limits.keys()].some((cap) => {
      return (this.#holding.get(cap) ?? 0) >= this.#limit(call, cap) - 1;
    });
    this.check(isFull, `call ${call.id} waits only while a cap is full`);
  }

  /** @param key run and fingerprint of a call that may have an effect each time */
  bodyMayRun(key: string): void {
    this.check(!this.#unknown.has(key), `no second body runs after an effect that is unknown: ${key}`);
  }

  effectUnknown(key: string): void {
    this.#unknown.add(key);
  }

  flightBegins(key: string): void {
    const flying = (this.#flying.get(key) ?? 0) + 1;
    this.#flying.set(key, flying);
    this.check(flying === 1, `identical calls in flight share one body: ${key}`);
  }

  flightEnds(key: string): void {
    this.#flying.set(key, (this.#flying.get(key) ?? 0) - 1);
  }

  /** At the very end nothing may be left. */
  finish(calls: number): void {
    this.check(this.outcomes === calls, `each call has an outcome: ${this.outcomes} of ${calls}`);
    for (const [cap, count] of this.#active) this.check(count === 0, `${cap} is free at the end: ${count} in use`);
    this.check(this.#waiting.size === 0, `nobody waits at the end`);
  }

  #limit(call: RefereedCall, cap: string): number {
    return cap === "engine" ? this.#engineLimit : (call.limits.get(cap) ?? 0);
  }

  #lowerCeiling(): void {
    const holding = this.#holding.get("engine") ?? 0;
    this.#engineCeiling = Math.max(this.#engineLimit, Math.min(this.#engineCeiling, holding));
  }

  #count(cap: string): number {
    return this.#active.get(cap) ?? 0;
  }

  #add(cap: string, by: number): void {
    this.#active.set(cap, this.#count(cap) + by);
  }
}

function nearest(call: RefereedCall, cap: string): RefereedCall | undefined {
  for (let above = call.parent; above; above = above.parent) if (above.isRunning && above.limits.has(cap)) return above;
  return undefined;
}
