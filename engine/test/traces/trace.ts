import type { Ending } from "../../src/call/ending.ts";
import type { Encoded } from "../../src/call/values.ts";
import type { PolicyOptions } from "../../src/policy/policy.ts";
import type { Random } from "../simulation/random.ts";
import { raised, returned } from "../support/calls.ts";

/** One call that a model asks for, and what would come of it. */
export interface Step {
  readonly tool: string;
  readonly input: Encoded;
  readonly ending: Ending;
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
  status: { readOnly: true },
  sleep: {},
  watch: { poller: true },
  pause: { poller: true },
  delegate: { kind: "delegation" },
};

export const gives = (tool: string, input: Encoded, result: string): Step => ({
  tool,
  input,
  ending: returned(result),
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
