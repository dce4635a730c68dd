import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { BodyRunner, PlacedTool } from "../execution/body.ts";
import { HostRunner } from "../execution/host/host-runner.ts";
import type { WorkerPlacements } from "../execution/worker-placements.ts";
import type { EngineCore } from "../pipeline/core.ts";
import { optionNames, refuseOptionsOf } from "../policy/compile-options.ts";
import type { PolicyOptions } from "../policy/policy.ts";
import { COMMAND_KEYS, compileCommand } from "../tool/command-options.ts";
import { compileInputSchema } from "../tool/input-schema.ts";
import type { CommandTool, JsonSchema, Tool, ToolContext } from "../tool/tool.ts";
import type { Clock } from "../util/clock.ts";
import { show } from "../util/duration.ts";
import { readOptions } from "../util/nearest.ts";

/** A tool that was registered by the URL of its module. */
export interface RegisteredTool {
  readonly name: string;
  readonly description: string | null;
}

const TOOL_KEYS = ["name", "description", "inputSchema", "run", ...optionNames("tool")];
const COMMAND_TOOL_KEYS = [...TOOL_KEYS, ...COMMAND_KEYS].filter((key) => key !== "run");

/** The tools of one engine: how each is checked, and where its body runs. */
export class ToolRegistry {
  readonly #core: EngineCore;
  readonly #clock: Clock;
  readonly #workers: WorkerPlacements;
  readonly #tools = new Map<string, PlacedTool>();
  /** By URL: the last registration of a module. */
  readonly #modules = new Map<string, Promise<unknown>>();
  /** By tool: the URL of its module. */
  readonly #moduleOf = new Map<string, string>();
  #lastAnew: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(core: EngineCore, clock: Clock, workers: WorkerPlacements) {
    this.#core = core;
    this.#clock = clock;
    this.#workers = workers;
  }

  get names(): Iterable<string> {
    return this.#tools.keys();
  }

  get(name: string): PlacedTool {
    const tool = this.#tools.get(name);
    if (!tool) throw new Error(`defect: ${name} was admitted but is not registered`);
    return tool;
  }

  /** Bodies of a tool that go on although their calls have their outcomes. */
  stuckBodies(name: string): number {
    return this.#tools.get(name)?.runner.stuckBodies ?? 0;
  }

  /** No module is imported any more. */
  close(): void {
    this.#closed = true;
  }

  registerFunction(tool: Tool<never>): void {
    const { name, description, inputSchema, run, ...limits } = readOptions(tool, TOOL_KEYS, "tool");
    this.#requireFreeName(name);
    requireDescription(description, name);
    if (typeof run !== "function") throw new TypeError(`tool ${name} run must be a function, got ${show(run)}`);
    if (limits.placement === "worker") {
      throw new TypeError(
        `tool ${name} cannot have placement "worker": its body is a closure of this process; register the URL of a module that exports it`,
      );
    }
    refuseOptionsOf("worker", limits, `tool ${name}`);
    const runner = new HostRunner(run.bind(tool) as (input: unknown, context: ToolContext) => unknown, this.#clock);
    this.#add(name, inputSchema, { ...limits, placement: "host" }, runner);
  }

  registerCommand(tool: CommandTool): void {
    const read = readOptions(tool, COMMAND_TOOL_KEYS, "tool");
    const { name, description, inputSchema, command, output, cwd, env, ...limits } = read;
    this.#requireFreeName(name);
    requireDescription(description, name);
    const compiled = compileCommand({ command, output, cwd, env }, name);
    this.#add(name, inputSchema, inWorker(limits, name), this.#workers.command(compiled));
  }

  /** A URL that was registered before is read anew: what it imports too, for all calls that a worker gets from then on. */
  async registerModule(module: URL, policy: PolicyOptions = {}): Promise<RegisteredTool> {
    const limits = readOptions(policy, optionNames("tool"), "policy");
    this.#requireOpen();
    const load = () => this.#loadModule(module, limits);
    const before = this.#modules.get(module.href);
    // One new version after the other, since each keeps what the one before has of all other modules.
    const registered = before ? Promise.allSettled([before, this.#lastAnew]).then(load) : load();
    if (before) this.#lastAnew = registered;
    this.#modules.set(module.href, registered);
    return await registered;
  }

  async #loadModule(module: URL, policy: PolicyOptions): Promise<RegisteredTool> {
    const loaded = await this.#workers.load(module);
    try {
      const { name, description, inputSchema, policy: own } = loaded.description;
      this.#requireNameFor(module, name);
      const limits = inWorker({ ...own, ...policy }, name);
      this.#add(name, inputSchema ?? undefined, limits, this.#workers.module(module));
      this.#moduleOf.set(name, module.href);
      this.#core.forgetResults(name);
      loaded.accept();
      return { name, description };
    } catch (error) {
      loaded.refuse();
      throw error;
    }
  }

  /** The first time it is free; later it is still the same. */
  #requireNameFor({ href }: URL, name: string): void {
    const before = [...this.#moduleOf].find(([, module]) => module === href)?.[0];
    if (before === undefined) return this.#requireFreeName(name);
    this.#requireOpen();
    if (name !== before)
      throw new TypeError(
        `${href} was registered as tool ${before}, and names its tool ${name} now: a tool of another name has a URL of its own`,
      );
  }

  #requireOpen(): void {
    if (this.#closed) throw new TypeError("no tool can be registered: the engine is closed");
  }

  #requireFreeName(name: unknown): void {
    this.#requireOpen();
    if (typeof name !== "string" || name === "") throw new TypeError(`tool name must be a text, got ${show(name)}`);
    if (this.#tools.has(name)) throw new TypeError(`a tool named ${name} is registered already`);
  }

  #add(
    name: string,
    schema: StandardSchemaV1 | JsonSchema | undefined,
    limits: PolicyOptions,
    runner: BodyRunner,
  ): void {
    const validate = compileInputSchema(schema, name);
    this.#core.setPolicy(name, limits);
    this.#tools.set(name, { validate, runner });
  }
}

function requireDescription(description: unknown, name: string): void {
  if (description !== undefined && typeof description !== "string")
    throw new TypeError(`tool ${name} description must be a text, got ${show(description)}`);
}

function inWorker(limits: PolicyOptions, name: string): PolicyOptions {
  if (limits.placement === "host")
    throw new TypeError(`tool ${name} cannot have placement "host": it is no function of this process`);
  refuseOptionsOf("host", limits, `tool ${name}`);
  return { ...limits, placement: "worker" };
}
