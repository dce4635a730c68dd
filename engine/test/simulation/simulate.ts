import type { Ending } from "../../src/call/ending.ts";
import { traceOf } from "../../src/call/trace-of.ts";
import { retryDelay } from "../../src/guards/retry-delay.ts";
import { CALM, isOn, type PressureState, underPressure } from "../../src/load/pressure.ts";
import { Permits } from "../../src/scheduling/permits.ts";
import { type Flight, SingleFlight } from "../../src/scheduling/single-flight.ts";
import { waitForPermits } from "../../src/scheduling/wait-for-permits.ts";
import { Ledger, type LedgerCall } from "../../src/state/ledger.ts";
import type { Caller, Job, Run, SimulationReport } from "./job.ts";
import { Random } from "./random.ts";
import { Referee, refereed } from "./referee.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { ENGINE_LIMIT, makeTools, RESOURCES, type SimulatedTool, tideAt, WAIT_LIMIT_MS } from "./world.ts";

const RUNS = 20;
const PRESSURE_MS = 500;

/** Runs `calls` calls, made by one seed, through the parts that decide; throws a Violation when a promise is broken. */
export function simulate(seed: number, calls: number): SimulationReport {
  return new Simulation(seed, calls).run();
}

class Simulation {
  readonly #random: Random;
  readonly #clock = new VirtualClock();
  readonly #permits = new Permits({ maxConcurrent: ENGINE_LIMIT, resources: RESOURCES });
  readonly #flights = new SingleFlight<Caller>();
  readonly #referee = new Referee(ENGINE_LIMIT, RUNS, () => this.#clock.now());
  readonly #tools: readonly SimulatedTool[];
  readonly #jobs = new Map<Flight<Caller>, Job>();
  readonly #outcomes = new Map<string, number>();
  readonly #lastResult = new Map<string, { value: string; atMs: number }>();
  readonly #wanted: number;
  #pressure: PressureState = CALM;
  #runs = 0;
  #calls = 0;
  #bodies = 0;
  #places = 0;
  #running = 0;
  #longestWaitMs = 0;
  #longestQueue = 0;

  constructor(seed: number, calls: number) {
    this.#random = new Random(seed);
    this.#wanted = calls;
    this.#tools = makeTools(this.#random, this.#permits, this.#clock);
  }

  run(): SimulationReport {
    for (let id = 0; id < RUNS; id++) this.#openRun(id);
    this.#watchPressure();
    this.#clock.run();
    this.#referee.finish(this.#calls);
    this.#referee.check(this.#flights.size === 0 && this.#permits.waiting === 0, "nothing is left at the end");
    return {
      calls: this.#calls,
      bodies: this.#bodies,
      outcomes: Object.fromEntries([...this.#outcomes].sort()),
      longestWaitMs: Math.round(this.#longestWaitMs),
      longestQueue: this.#longestQueue,
      simulatedMs: Math.round(this.#clock.now()),
      digest: this.#referee.digest,
    };
  }

  #openRun(id: number): void {
    const run: Run = {
      id,
      serial: ++this.#runs,
      ledger: new Ledger(),
      repeatable: [],
      live: 0,
      bursts: 1 + this.#random.below(20),
    };
    const burst = (): void => {
      const size = this.#random.chance(0.05) ? 400 : 1 + this.#random.below(60);
      for (let index = 0; index < size && this.#calls < this.#wanted; index++)
        this.#submit(run, undefined, 0, () => undefined);
      if (this.#calls >= this.#wanted) return;
      if (--run.bursts > 0) this.#clock.setTimer(this.#random.duration(2_500), burst);
      else this.#whenIdle(run, () => this.#openRun(id));
    };
    this.#clock.setTimer(this.#random.duration(2_500), burst);
  }

  #whenIdle(run: Run, then: () => void): void {
    if (run.live === 0) then();
    else this.#clock.setTimer(100, () => this.#whenIdle(run, then));
  }

  #watchPressure(): void {
    const nowMs = this.#clock.now();
    const sample = tideAt(nowMs, this.#running / ENGINE_LIMIT, this.#permits.waiting);
    const { state, actions } = underPressure(this.#pressure, sample, nowMs);
    this.#pressure = state;
    for (const action of actions) {
      if (action.type !== "set-concurrency") continue;
      const limit = Math.max(1, Math.round(ENGINE_LIMIT * action.fraction));
      this.#referee.engineLimit = limit;
      this.#permits.setMaxConcurrent(limit);
    }
    if (this.#calls < this.#wanted || this.#jobs.size > 0)
      this.#clock.setTimer(PRESSURE_MS, () => this.#watchPressure());
  }

  /** @returns the caller, or undefined if it was settled at once */
  #submit(run: Run, parent: Job | undefined, depth: number, settled: Caller["settled"]): Caller | undefined {
    const random = this.#random;
    const again = !parent && run.repeatable.length > 0 && random.chance(0.05) ? random.pick(run.repeatable) : undefined;
    const tool = again?.tool ?? random.pick(this.#tools);
    const input = again?.input ?? Math.floor(tool.inputs * random.fraction() ** 2);
    const id = ++this.#calls;
    const requestId = again?.requestId ?? `${id}`;
    const call = refereed(id, tool, run.id, parent?.body);
    const caller: Caller = { call, run, settled, flight: undefined };
    run.live++;
    const fingerprint = `${tool.name} ${input}`;
    const ledgerCall: LedgerCall = { tool: tool.name, fingerprint, effect: tool.effect, requestId };
    if (!parent && isOn(this.#pressure, "reject-calls")) return void this.#settle(caller, "overloaded");
    const decision = run.ledger.decide(ledgerCall);
    if (decision.type === "done") {
      this.#referee.check(again !== undefined, "only a request that the framework repeats is answered from the ledger");
      return void this.#settle(caller, `answered by the ledger: ${decision.stored?.split(" ")[0]}`);
    }
    if (decision.type !== "run") return void this.#settle(caller, decision.type);
    const cached = tool.cache?.get(fingerprint);
    if (cached) {
      const known = this.#lastResult.get(fingerprint);
      const value = Buffer.from(cached.bytes).toString();
      this.#referee.check(known?.value === value, `the cache has the last result of ${fingerprint}`);
      this.#referee.check(this.#clock.now() - (known?.atMs ?? 0) <= 2_000.001, `the cache forgets in time`);
      return void this.#settle(caller, "answered by the cache");
    }
    if (!parent && random.chance(0.3) && !again) run.repeatable.push({ tool, input, requestId });
    const key = tool.cache && !parent ? fingerprint : `only ${id}`;
    const { flight, leads } = this.#flights.join(key, caller);
    caller.flight = flight;
    if (random.chance(0.03)) this.#clock.setTimer(random.duration(100), () => this.#cancel(caller));
    if (leads) {
      const body = refereed(id, tool, run.id, parent?.body);
      const job: Job = {
        ...{ flight, body, tool, run, fingerprint, ledgerCall, parent, depth },
        ...{ children: new Set(), attempt: 0, waiting: undefined, timers: [], isOver: false },
      };
      this.#jobs.set(flight, job);
      run.ledger.begin(`${id}`, ledgerCall);
      this.#request(job);
    }
    return call.outcome === undefined ? caller : undefined;
  }

  #request(job: Job): void {
    job.attempt++;
    const lane = [...job.tool.limits.keys()].join();
    const place = ++this.#places;
    const limitMs = this.#random.chance(0.1) ? 50 : WAIT_LIMIT_MS;
    const sinceMs = this.#clock.now();
    const isRoot = job.parent === undefined;
    const left = (wasGranted: boolean): void => {
      this.#longestWaitMs = Math.max(this.#longestWaitMs, this.#clock.now() - sinceMs);
      if (isRoot) this.#referee.waited(lane, job.run.id, place, wasGranted);
    };
    const request = {
      need: job.tool.need,
      run: job.run,
      parent: job.parent?.waiting?.ticket,
      granted: () => {
        left(true);
        this.#start(job);
      },
    };
    const expired = (waitedMs: number): void => {
      left(false);
      this.#referee.waitExpired(job.body, waitedMs, limitMs);
      this.#end(job, { type: "not-started", waitedMs, limitMs });
    };
    const waiting = waitForPermits(this.#permits, request, { limitMs, expired }, this.#clock);
    const { ticket } = waiting;
    job.waiting = {
      ticket,
      end: () => {
        const wasWaiting = ticket.state.type === "waiting";
        if (wasWaiting) left(false);
        waiting.end();
      },
    };
    if (ticket.state.type === "granted") return this.#start(job);
    if (ticket.state.type === "deadlocked") {
      this.#referee.check(!isRoot, "only a nested call can be in a knot");
      return this.#end(job, { type: "not-run", detail: "deadlock" });
    }
    if (isRoot) this.#referee.waits(lane, job.run.id, place);
    this.#longestQueue = Math.max(this.#longestQueue, this.#permits.waiting);
  }

  #start(job: Job): void {
    const { tool, run, body } = job;
    if (run.ledger.decideAtStart(job.ledgerCall).type !== "run") {
      return this.#end(job, { type: "not-run", detail: "effect-unknown" });
    }
    this.#referee.started(body);
    if (tool.effect === "each-time") {
      this.#referee.check(job.attempt === 1, `a body that may have an effect is not retried: ${body.tool}`);
      this.#referee.bodyMayRun(`${run.serial} ${job.fingerprint}`);
    }
    if (!job.flight.key.startsWith("only")) this.#referee.flightBegins(job.flight.key);
    this.#bodies++;
    this.#running++;
    job.timers = [
      this.#clock.setTimer(tool.timeoutMs, () => this.#stop(job, { type: "expired", observedMs: tool.timeoutMs })),
    ];
    const work = (): void => {
      job.timers.push(this.#clock.setTimer(this.#random.duration(tool.meanMs), () => this.#finish(job)));
    };
    if (job.depth < 3 && this.#random.chance(tool.nestingRate)) this.#nest(job, 1 + this.#random.below(3), work);
    else work();
  }

  /** The body calls other tools, all at once, and goes on when they have ended. */
  #nest(job: Job, count: number, then: () => void): void {
    const attempt = job.attempt;
    let left = count;
    for (let index = 0; index < count; index++) {
      let child: Caller | undefined;
      const settled = (): void => {
        if (child) job.children.delete(child);
        if (--left === 0 && job.body.isRunning && job.attempt === attempt) then();
      };
      if (!job.body.isRunning) return;
      child = this.#submit(job.run, job, job.depth + 1, settled);
      if (child) job.children.add(child);
    }
  }

  #finish(job: Job): void {
    if (!this.#random.chance(job.tool.failureRate))
      return this.#end(job, { type: "returned", digest: null, preview: null });
    this.#end(job, { type: "raised", error: { name: "E", message: "m", stack: "" } });
  }

  /** Ends a body from outside: its nested calls first. */
  #stop(job: Job, ending: Ending): void {
    for (const child of [...job.children]) this.#cancel(child);
    this.#end(job, ending);
  }

  #end(job: Job, ending: Ending): void {
    if (job.isOver) return;
    const { body, run, tool, fingerprint, flight } = job;
    const didRun = body.isRunning;
    for (const timer of job.timers) timer.cancel();
    if (didRun) {
      this.#running--;
      this.#referee.ended(body);
      if (!flight.key.startsWith("only")) this.#referee.flightEnds(flight.key);
    }
    const trace = didRun ? traceOf(ending) : "none";
    if (trace === "unknown" && tool.effect === "each-time") this.#referee.effectUnknown(`${run.serial} ${fingerprint}`);
    const attempt = { attempt: job.attempt, ending, effect: tool.effect, placement: "worker" } as const;
    const delayMs = flight.callers.size > 0 ? retryDelay(tool.retry, attempt, this.#random.fraction()) : null;
    job.isOver = delayMs === null;
    if (job.isOver) {
      const value = `${ending.type} ${body.id} ${job.attempt}`;
      run.ledger.end(`${body.id}`, trace, value);
      if (ending.type === "returned" && tool.cache) {
        const bytes = Buffer.from(value);
        if (tool.cache.store(fingerprint, { form: "opaque", bytes, digest: null, preview: null })) {
          this.#lastResult.set(fingerprint, { value, atMs: this.#clock.now() });
        }
      }
    }
    job.waiting?.end();
    if (!job.isOver) {
      job.timers = [this.#clock.setTimer(delayMs as number, () => this.#request(job))];
      return;
    }
    this.#jobs.delete(flight);
    const callers = this.#flights.land(flight);
    this.#referee.check(ending.type !== "cancelled" || callers.length === 0, "a cancel ends nobody else's call");
    for (const caller of callers) this.#settle(caller, ending.type === "not-run" ? ending.detail : ending.type);
  }

  #cancel(caller: Caller): void {
    const { flight } = caller;
    if (caller.call.outcome !== undefined || !flight) return;
    const isLast = this.#flights.leave(flight, caller);
    this.#settle(caller, "cancelled");
    const job = this.#jobs.get(flight);
    if (isLast && job)
      this.#stop(job, { type: "cancelled", detail: "", body: job.body.isRunning ? "stopped" : "not-started" });
  }

  #settle(caller: Caller, outcome: string): void {
    this.#referee.settled(caller.call, outcome);
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    caller.run.live--;
    caller.settled(outcome);
  }
}
