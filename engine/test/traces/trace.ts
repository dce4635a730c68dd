import type { Ending } from "../../src/call/ending.ts";
import type { Encoded } from "../../src/call/values.ts";
import type { PolicyOptions } from "../../src/policy/policy.ts";
import type { Random } from "../simulation/random.ts";
import { raised, returned } from "../support/calls.ts";

/** One call that a model asks for, and what would come of it. */
export interface Step {
  readonly tool: string;
  readonly input: Encoded;
  /** What comes of it; where that depends on the time since the trace began, a function of it. */
  readonly ending: Ending | ((atMs: number) => Ending);
  /** How long its body takes. Default 0. */
  readonly takesMs?: number;
  /** How long the model thinks before it asks. Default 3 s. */
  readonly thinksMs?: number;
  readonly task?: string;
  /** Whom a delegation goes to, and what that agent asks for meanwhile. */
  readonly subject?: string;
  readonly inside?: Trace;
}

/** What one agent asks for: each turn is one answer of the model, whose calls are made together. */
export type Trace = readonly (readonly Step[])[];

/** The tools of all traces. `watch` and `pause` are declared pollers, `status` and `sleep` are not. */
export const TOOLS: Readonly<Record<string, PolicyOptions>> = {
  search: { readOnly: true },
  fetch: { readOnly: true },
  read: { readOnly: true },
  write: {},
  send: {},
  test: {},
  press: {},
  look: {},
  insert: {},
  status: { readOnly: true },
  sleep: {},
  watch: { poller: true },
  pause: { poller: true },
  delegate: { kind: "delegation" },
};

export const gives = (tool: string, input: Encoded, result: string, takesMs = 0): Step => ({
  tool,
  input,
  ending: returned(result),
  takesMs,
});

/** Fails until so long after the beginning of the trace. */
export const failsUntil = (untilMs: number, tool: string, input: Encoded, result: string): Step => ({
  tool,
  input,
  ending: (atMs) => (atMs < untilMs ? raised("503 Service Unavailable") : returned(result)),
});

export const fails = (tool: string, input: Encoded, message: string): Step => ({
  tool,
  input,
  ending: raised(message),
});

/** Each step a turn of its own. */
export const oneByOne = (steps: readonly Step[]): Trace => steps.map((step) => [step]);

export function times<Item>(count: number, make: (at: number) => Item): Item[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

/** A whole number from `least` to `most`. */
export const from = (random: Random, least: number, most: number): number => least + random.below(most - least + 1);
