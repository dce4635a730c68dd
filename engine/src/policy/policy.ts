import { requireObject } from "../util/named-values.ts";
import { readOptions } from "../util/nearest.ts";
import { compileDefault, compileOptions, optionNames } from "./compile-options.ts";
import {
  type AgentOptions,
  type EngineLimitOptions,
  OPTIONS,
  type Policy,
  type PolicyOptions,
  type Preset,
} from "./options.generated.ts";

export type { Policy, PolicyOptions } from "./options.generated.ts";

/** What an engine is made with. */
export interface EngineOptions extends EngineLimitOptions {
  /** Limits of single agents, by the name that calls give as their `agent`: they hold for all tools of that agent. */
  readonly agents?: Readonly<Record<string, AgentOptions>> | undefined;
  /** How many calls may use a resource that tools name at once. One that is not listed here is for one call alone. */
  readonly resources?: Readonly<Record<string, number>> | undefined;
}

/** One level's options compiled; `origin` says in `describe` where a limit comes from. */
interface Layer {
  readonly origin: string;
  readonly values: Partial<Policy>;
}

/** A limit in force, and who said it: `preset standard`, `engine`, `agent Researcher`, `tool` or `call`. */
export interface EffectiveLimit {
  readonly value: unknown;
  readonly from: string;
}

const PRESETS: Readonly<Record<Preset, Policy>> = {
  lenient: presetPolicy("lenient"),
  standard: presetPolicy("standard"),
  strict: presetPolicy("strict"),
};

function presetPolicy(preset: Preset): Policy {
  const policy: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(OPTIONS)) {
    const given = entry.default;
    const isPerPreset = typeof given === "object" && given !== null && !Array.isArray(given);
    const value = isPerPreset ? (given as Record<Preset, unknown>)[preset] : given;
    const unit = { duration: "Ms", size: "Bytes" }[entry.kind as string] ?? "";
    policy[name + unit] = value === null ? null : compileDefault(entry, value);
  }
  return Object.freeze({ ...policy, preset }) as unknown as Policy;
}

/** Of a tool whose kind is not ordinary: a person is slow, an agent is bounded itself. */
function timeoutOfKind(kind: Policy["kind"], preset: Preset): number | null {
  const { timeout } = OPTIONS;
  const text = timeout?.byKind?.[kind]?.[preset] ?? null;
  return timeout && text !== null ? (compileDefault(timeout, text) as number) : null;
}

/**
 * Resolves the limits of an engine's calls, once for each agent and tool: preset < engine < agent < tool < call.
 * Adding a tool again replaces its options.
 */
export class Policies {
  readonly engine: Policy;
  /** Permits of each named resource. */
  readonly resources: Readonly<Record<string, number>>;
  readonly #engineLayer: Layer;
  readonly #agents = new Map<string, Layer>();
  readonly #tools = new Map<string, Layer>();
  readonly #resolved = new Map<string, Policy>();

  /** @throws TypeError or RangeError that names the option, the value and what it may be */
  constructor(options: EngineOptions) {
    const known = [...optionNames("engine"), "agents", "resources"];
    const { agents = {}, resources = {}, ...own } = readOptions(options, known, "engine options");
    requireObject(resources, "engine resources");
    this.resources = resources;
    this.#engineLayer = { origin: "engine", values: compileOptions(own, "engine", "engine") };
    requireObject(agents, "engine agents");
    for (const [name, values] of Object.entries(agents)) {
      const what = `agent ${name}`;
      this.#agents.set(name, { origin: what, values: compileOptions(values, "agent", what) });
    }
    this.engine = this.#merge([this.#engineLayer]);
  }

  /** Adds a tool, or replaces the options of one. Throws as the constructor does. */
  setTool(name: string, options: PolicyOptions): void {
    const layer = { origin: "tool", values: compileOptions(options, "tool", `tool ${name}`) };
    this.#tools.set(name, layer);
    this.#resolved.clear();
  }

  has(tool: string): boolean {
    return this.#tools.has(tool);
  }

  get tools(): Iterable<string> {
    return this.#tools.keys();
  }

  /** The limits of a tool as one agent calls it, or undefined if there is no such tool. */
  of(tool: string, agent: string | undefined): Policy | undefined {
    const agentKey = agent !== undefined && this.#agents.has(agent) ? agent : "";
    const key = `${agentKey}\n${tool}`;
    let policy = this.#resolved.get(key);
    if (!policy && this.#tools.has(tool)) {
      policy = this.#merge(this.#layers(tool, agent));
      this.#resolved.set(key, policy);
    }
    return policy;
  }

  /** Every limit in force for a tool, and where it comes from; undefined if there is no such tool. */
  describe(tool: string, agent?: string): Readonly<Record<string, EffectiveLimit>> | undefined {
    if (!this.#tools.has(tool)) return undefined;
    const layers = this.#layers(tool, agent);
    const policy = this.#merge(layers);
    const origins = Object.entries(policy).map(([key, value]): [string, EffectiveLimit] => {
      const layer = layers.findLast(({ values }) => key in values);
      const from = layer && !this.#isDefaultTimeout(key, layers) ? layer.origin : `preset ${policy.preset}`;
      return [key, { value, from }];
    });
    return Object.fromEntries(origins);
  }

  #layers(tool: string, agent: string | undefined): Layer[] {
    const layers = [
      this.#engineLayer,
      agent === undefined ? undefined : this.#agents.get(agent),
      this.#tools.get(tool),
    ];
    return layers.filter((layer): layer is Layer => layer !== undefined);
  }

  #merge(layers: readonly Layer[]): Policy {
    const preset = this.#engineLayer.values.preset ?? "standard";
    const presets = { ...PRESETS[preset] };
    // "Sent" after each of many is how work looks: of a tool that may have effects only the user's word counts.
    const readOnly = layers.findLast(({ values }) => values.readOnly !== undefined)?.values.readOnly ?? false;
    if (!readOnly) Object.assign(presets, { sameResultNotice: null, sameResultReject: null });
    const policy: Policy = Object.assign(presets, ...layers.map(({ values }) => values));
    if (!this.#isDefaultTimeout("timeoutMs", layers)) return Object.freeze(policy);
    const timeoutMs = timeoutOfKind(policy.kind, preset);
    return Object.freeze({ ...policy, timeoutMs });
  }

  /** Whether a tool's kind decides its timeout: nobody nearer than the engine named one. An MCP tool obeys the engine's, too. */
  #isDefaultTimeout(key: string, layers: readonly Layer[]): boolean {
    const kind = layers.findLast(({ values }) => values.kind !== undefined)?.values.kind ?? "ordinary";
    if (key !== "timeoutMs" || kind === "ordinary") return false;
    const naming = layers.findLast(({ values }) => "timeoutMs" in values);
    return naming === undefined || (naming.origin === "engine" && kind !== "mcp");
  }
}

/** A call's own timeout, or undefined if it names none. Throws as {@link compileOptions} does. */
export function compileCallTimeout(options: object): number | null | undefined {
  return compileOptions(options, "call", "call").timeoutMs;
}
