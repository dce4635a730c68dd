import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ownFingerprint, type ReadInput, readInput } from "../call/fingerprint.ts";
import type { Outcome } from "../call/outcome.ts";
import { cancelReason, type Door, PARENT_ENDED, PlacedCall } from "../execution/placed-call.ts";
import { WorkerPlacements } from "../execution/worker-placements.ts";
import type { MachineFigures } from "../load/machine.ts";
import { Relief } from "../load/relief.ts";
import {
  type CompiledCallOptions,
  compileCallOptions,
  readBatchCall,
  requireText,
  requireToolName,
} from "../pipeline/call-options.ts";
import type { CallRequest } from "../pipeline/call-request.ts";
import { EngineCore } from "../pipeline/core.ts";
import { optionNames } from "../policy/compile-options.ts";
import type { AgentOptions } from "../policy/options.generated.ts";
import type { EffectiveLimit, EngineOptions, PolicyOptions } from "../policy/policy.ts";
import type { Call } from "../state/call.ts";
import { ifGivenUp } from "../state/given-up.ts";
import { Run } from "../state/run.ts";
import { EngineObserver } from "../telemetry/engine-observer.ts";
import { type EngineStats, engineStats } from "../telemetry/engine-stats.ts";
import { EventStream } from "../telemetry/event-stream.ts";
import type { BatchCall, CallOptions, CommandTool, FunctionTool, JsonSchema, Tool } from "../tool/tool.ts";
import type { Clock } from "../util/clock.ts";
import { requirePositive, show } from "../util/duration.ts";
import { requireObject, withInherited } from "../util/named-values.ts";
import { readOptions, suggestNames } from "../util/nearest.ts";
import { systemClock } from "../util/system-clock.ts";
import { type Batch, startBatch } from "./batch.ts";
import { type RegisteredTool, ToolRegistry } from "./tool-registry.ts";

/** A run: the tree of calls of one agent run. Loops are seen, and limits per run counted, within it. */
export interface RunHandle {
  readonly id: string;
  /** Calls a tool. Never rejects for what a tool, a limit or a cancel does: that is in the outcome. */
  call(tool: string, input?: unknown, options?: CallOptions): Promise<Outcome>;
  /**
   * Calls several tools at once, each when the calls that it comes `after` have succeeded. A call after one that did not succeed is rejected, unless its
   * `afterFailure` is `"run"`. The batch has all outcomes in order as `results`; `for await` gives each as it ends.
   *
   * @throws TypeError or RangeError before anything starts: for a name that is unknown or taken, a cycle, options that make no sense
   */
  batch(calls: readonly BatchCall[]): Batch<Outcome>;
  /** Ends the run: further calls are rejected, and the model is asked for its final answer. Those in flight go on. */
  end(reason?: string): void;
}

const DEFAULT_GRACE_MS = 5_000;
const ENGINE_KEYS = ["agents", "resources", ...optionNames("engine")];

/** Workers of an engine that was dropped without `close()`: nobody can call them any more, and they would stay as long as this process. */
const dropped = new FinalizationRegistry<WorkerPlacements>((workers) => {
  workers.destroy();
  void workers.close();
});

/**
 * Runs tool calls so that each of them ends, inside its limits, with one outcome.
 *
 * Life: open → `close()` (no new calls; those in flight end, bounded) or `destroy()` (all end now) → closed.
 */
export class Engine {
  readonly #core: EngineCore;
  readonly #clock: Clock;
  readonly #tools: ToolRegistry;
  readonly #current = new AsyncLocalStorage<PlacedCall>();
  readonly #workers: WorkerPlacements;
  readonly #placedCalls = new Set<PlacedCall>();
  readonly #door: Door;
  readonly #observer: EngineObserver;
  readonly #relief: Relief;
  #closed = false;
  #drained: PromiseWithResolvers<void> | undefined;

  /** Use {@link createEngine}. */
  constructor(given: EngineOptions, clock: Clock, readMachine?: () => MachineFigures) {
    requireObject(given, "engine options");
    const options = withInherited(given, ENGINE_KEYS);
    refusePlacement(options);
    this.#clock = clock;
    this.#core = new EngineCore(options, clock, randomUUID().slice(0, 8));
    const events = new EventStream();
    const workers = () => this.#workers.makeWay;
    this.#relief = new Relief({ clock, events, engines: () => [this.#core], workers, readMachine });
    this.#observer = new EngineObserver(
      events,
      clock,
      () => this.#core.waiting,
      () => this.#relief.watch(),
    );
    this.#core.observer = this.#observer;
    this.#core.rejectsForMs = () => this.#relief.rejectsForMs;
    this.#workers = new WorkerPlacements(clock, this.#observer.events, this.#core.policy.workerStdout);
    dropped.register(this, this.#workers);
    this.#tools = new ToolRegistry(this.#core, clock, this.#workers);
    this.#door = {
      core: this.#core,
      clock,
      enter: (placed, body) => this.#current.run(placed, body),
      call: (run, tool, input, options) => this.#call(run, tool, input, options),
    };
  }

  /**
   * Registers the tool that a module exports by the name `tool`. Its body runs in a Node worker: a process that is killed, with everything it
   * started, when the call passes its deadline or is cancelled.
   *
   * Name, schema and limits stand in the module, so this waits until a first worker has imported it: the tool can be called once the promise
   * has resolved. The module is not imported in this process.
   *
   * Workers go on with the files as the first of them read them, whatever becomes of those. The same URL again starts a new version: the module and
   * what it imports are read anew, for each call that a worker gets once the promise has resolved; bodies that run by then finish with the old one. If it
   * rejects, the old one stays. Results that were kept of the tool are forgotten; its limits are the new ones.
   *
   * @param policy limits that override those in the module
   * @returns the tool's name and description; the name stays the same in a new version. Rejects with a TypeError or RangeError as below, and with an Error whose cause is what the import threw
   */
  register(module: URL, policy?: PolicyOptions): Promise<RegisteredTool>;
  /**
   * Registers a tool for all runs of this engine: a function of this process, or an executable, of which each call is a process of its own, killed
   * with everything it started.
   *
   * @throws TypeError or RangeError for a name that is taken, a schema that does not compile, an option that is unknown or makes no sense, and after `close`
   */
  // The last, since it is the one whose complaint the compiler shows.
  register<Schema extends StandardSchemaV1 | JsonSchema = JsonSchema>(tool: FunctionTool<Schema> | CommandTool): void;
  register(tool: Tool<never> | CommandTool | URL, policy?: PolicyOptions): Promise<RegisteredTool> | undefined {
    if (tool instanceof URL) return this.#tools.registerModule(tool, policy);
    if (typeof tool !== "object" || tool === null) {
      throw new TypeError(
        `register takes a tool, or the URL of a module such as new URL("./tool.js", import.meta.url), got ${show(tool)}`,
      );
    }
    if (policy !== undefined)
      throw new TypeError("register takes limits beside the URL of a module only: a tool has its own");
    if ("command" in tool) this.#tools.registerCommand(tool);
    else this.#tools.registerFunction(tool);
    return undefined;
  }

  /** Opens a run. It needs no closing: it is gone when nobody holds it. */
  run(): RunHandle {
    const run = new Run(randomUUID(), this.#clock.now());
    this.#observer.runOpened(run.id);
    return {
      id: run.id,
      call: (tool, input, options) => this.#call(run, tool, input, options),
      batch: (calls) => this.#batch(run, calls),
      end: (reason = "it was ended by its owner") => {
        requireText(reason, "the reason why a run ends");
        this.#core.endRun(run, reason);
      },
    };
  }

  /**
   * Every limit in force for a tool, and who said it: `preset standard`, `engine`, `agent Researcher` or `tool`.
   *
   * @param agent as an agent of that name calls it
   * @throws RangeError if there is no such tool
   */
  describe(tool: string, agent?: string): Readonly<Record<string, EffectiveLimit>> {
    requireToolName(tool);
    if (agent !== undefined) requireText(agent, "the name of an agent");
    const described = this.#core.describe(tool, agent);
    if (!described) throw new RangeError(`there is no tool named ${tool}. ${suggestNames(tool, this.#tools.names)}`);
    return described;
  }

  /** What happens in this engine, from now on: `on`, `for await`, or for all engines of the process Node's diagnostics channel `endstop:event`. */
  get events(): EventStream {
    return this.#observer.events;
  }

  /** What it has done since it was made, and does: a snapshot. */
  stats(): EngineStats {
    const { figures, pids } = this.#workers;
    return engineStats(this.#core, this.#observer.stats, figures, pids, this.#relief.measures);
  }

  /** Calls a tool outside any run: its timeout and limits hold, but loops are not seen. */
  call(tool: string, input?: unknown, options?: CallOptions): Promise<Outcome> {
    return this.#call(undefined, tool, input, options);
  }

  /**
   * Takes no more calls, lets those in flight end, and cancels what is left after the grace period.
   *
   * @param options.graceMs default 5 s
   * @throws TypeError or RangeError for options that make no sense; then it stays open
   */
  async close(options: { readonly graceMs?: number } = {}): Promise<void> {
    const { graceMs = DEFAULT_GRACE_MS } = readOptions(options, ["graceMs"], "close options");
    requirePositive(graceMs, "graceMs");
    this.#closed = true;
    this.#tools.close();
    if (this.#placedCalls.size > 0) {
      this.#drained ??= Promise.withResolvers();
      const timer = this.#clock.setTimer(graceMs, () =>
        this.destroy("the engine was closed and its grace period is over"),
      );
      await this.#drained.promise;
      timer.cancel();
    }
    this.#relief.close();
    await this.#workers.close();
    this.#observer.events.close();
  }

  /**
   * Cancels every call in flight now, and takes no more.
   *
   * @param reason a text: it stands in the outcomes
   */
  destroy(reason = "the engine was destroyed"): void {
    requireText(reason, "the reason why an engine is destroyed");
    this.#closed = true;
    this.#tools.close();
    // Those that wait first: the end of one that runs would have the next one's body begin.
    const placed = [...this.#placedCalls].sort((a, b) => Number(hasBegun(a.call)) - Number(hasBegun(b.call)));
    const why = cancelReason(reason);
    for (const each of placed) each.cancel(why, 0);
    this.#relief.close();
    this.#workers.destroy();
    void this.#workers.close().then(() => this.#observer.events.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #batch(run: Run, calls: readonly BatchCall[]): Batch<Outcome> {
    if (!Array.isArray(calls)) throw new TypeError(`batch takes an array of calls, got ${show(calls)}`);
    const read = Array.from(calls, readBatchCall);
    const madeBy = this.#current.getStore()?.call;
    return startBatch(read, {
      run: ({ tool, input, options }) => this.#call(run, tool, input, options, madeBy),
      reject: ({ tool, input, options }, _index, { name, tool: failed }) =>
        outcomeOf(
          this.#core.submit(
            {
              ...this.#request(run, tool, readInput(input), compileCallOptions(options)),
              failedDependency: name ?? failed,
            },
            () => {},
          ),
        ),
      succeeded: ({ status }) => status === "succeeded",
      signalOf: ({ options }) => options?.signal,
    });
  }

  #request(
    run: Run | undefined,
    tool: string,
    { encoded, text, names, given }: ReadInput,
    { agent, task, turn, requestId, idempotencyKey, timeoutMs }: CompiledCallOptions,
    maker = this.#maker(),
  ): CallRequest {
    const treeRun = run ?? this.#current.getStore()?.call.run;
    const isCompared = treeRun !== undefined || idempotencyKey !== undefined || this.#core.comparesInputs(tool);
    // Named one by one: every call comes by here, and spreads are slow.
    return {
      tool,
      input: encoded,
      names,
      given,
      fingerprint: text === undefined || !isCompared ? null : ownFingerprint(tool, text),
      run: treeRun,
      parent: maker?.call,
      agent,
      task,
      turn,
      requestId,
      idempotencyKey,
      timeoutMs,
      stuckBodies: this.#tools.stuckBodies(tool),
    };
  }

  /** @param madeBy a call that may have its outcome although what it does goes on: then nothing more starts */
  #call(
    run: Run | undefined,
    name: string,
    input: unknown,
    options?: CallOptions,
    madeBy = ifGivenUp(this.#current.getStore()?.call),
  ): Promise<Outcome> {
    // What is thrown in here rejects it.
    return new Promise((resolve) => this.#place(resolve, run, name, input, options, madeBy));
  }

  /** Apart from {@link #call}: what tells the outcome would hold on to the call's input and options else. */
  #place(
    tell: (outcome: Outcome) => void,
    run: Run | undefined,
    name: string,
    input: unknown,
    options: CallOptions | undefined,
    madeBy: Call | undefined,
  ): void {
    requireToolName(name);
    const compiled = compileCallOptions(options);
    const read = readInput(input);
    const maker = this.#maker();
    let placed: PlacedCall | undefined;
    const call = this.#core.submit(this.#request(run, name, read, compiled, maker), (outcome) => {
      if (placed) this.#release(placed, outcome);
      tell(outcome);
    });
    if (call.state.type === "settled") return;
    placed = new PlacedCall(call, this.#tools.get(name), this.#door, compiled.signal, maker);
    this.#placedCalls.add(placed);
    if (this.#closed) placed.cancel(cancelReason("the engine is closed"));
    else if (madeBy?.state.type === "settled") placed.cancel(cancelReason(PARENT_ENDED));
    else if (read.unreadable !== undefined) placed.refuse(read.unreadable);
    else placed.begin(input);
  }

  #release(placed: PlacedCall, outcome: Outcome): void {
    placed.release(outcome);
    this.#placedCalls.delete(placed);
    if (this.#placedCalls.size === 0) this.#drained?.resolve();
  }

  /** The call whose body asks, or the nearest above it that has no outcome: one that has ended is no ancestor of what its left-over timers do. */
  #maker(): PlacedCall | undefined {
    let maker = this.#current.getStore();
    while (maker?.call.state.type === "settled") maker = maker.parent;
    return maker;
  }
}

/**
 * Makes an engine that runs tools in this process.
 *
 * @throws TypeError or RangeError for an option that is unknown or makes no sense
 */
export function createEngine(options: EngineOptions = {}): Engine {
  return new Engine(options, systemClock);
}

/** @throws TypeError for a placement, which Python's tools have */
function refusePlacement({ placement, agents }: EngineOptions): void {
  const placing = [["engine", { placement }], ...Object.entries(agents ?? {})] as [string, AgentOptions | undefined][];
  for (const [who, own] of placing) {
    if (own?.placement === undefined) continue;
    throw new TypeError(
      `${who} placement has no force here: a function runs on the host, a command and a module's tool in a process of its own`,
    );
  }
}

function hasBegun({ state }: Call): boolean {
  return state.type === "running";
}

function outcomeOf({ id, state }: Call): Outcome {
  if (state.type !== "settled") throw new Error(`defect: the call ${id} has no outcome`);
  return state.outcome;
}
