import type { Code } from "../../src/call/codes.generated.ts";
import type { Random } from "../simulation/random.ts";
import { fails, from, gives, oneByOne, type Step, times } from "./trace.ts";

/** A loop as it was planted: what goes before is healthy. */
export interface PlantedLoop {
  readonly before: readonly Step[];
  /** The calls of the loop, far longer than it should live. */
  readonly loop: readonly Step[];
  /** How many calls make one round. */
  readonly period: number;
}

/** A kind of loop, and by which of its calls the standard preset must have rejected one; null where it is not rejected. */
export interface LoopKind {
  make(random: Random): PlantedLoop;
  standardRejectsBy(planted: PlantedLoop): number | null;
  /** What its last call gets. Default: its agent has ended. */
  readonly endsWith?: Code;
  /** Not rejected, and not told either. */
  readonly isMissed?: boolean;
}

const CALLS = 60;
const third = ({ period }: PlantedLoop): number => period * 2 + 1;

export const loops: Readonly<Record<string, LoopKind>> = {
  "the same call": {
    make: (random) => planted(random, 1, () => gives("fetch", { url: "a" }, "document a")),
    standardRejectsBy: () => 4,
  },
  "the same call, failing with another number each time": {
    make: (random) => planted(random, 1, (at) => fails("fetch", { url: "a" }, `timed out after ${at} ms`)),
    standardRejectsBy: () => 4,
  },
  "the same call, a model that thinks for 20 s": {
    make: (random) => planted(random, 1, () => ({ ...gives("fetch", { url: "a" }, "document a"), thinksMs: 20_000 })),
    standardRejectsBy: () => 4,
  },
  "the same call, a tool that takes 8 s": {
    make: (random) => planted(random, 1, () => gives("fetch", { url: "a" }, "document a", 8_000)),
    standardRejectsBy: () => 30,
  },
  "the same call beside one that is always new": {
    make: (random) =>
      planted(random, 2, (at) => (at % 2 ? gives("look", {}, `at ${at}`) : gives("fetch", { url: "a" }, "document a"))),
    standardRejectsBy: () => null,
    isMissed: true,
  },
  ...Object.fromEntries(
    [2, 3, 4, 5, 6, 7, 8].map((period): [string, LoopKind] => [
      `a cycle of ${period}`,
      {
        make: (random) => planted(random, period, (at) => inCycle(at % period)),
        standardRejectsBy: third,
      },
    ]),
  ),
  "a cycle of 2 to 8, some of its calls failing": {
    make: (random) => {
      const period = from(random, 2, 8);
      const failing = random.below(period);
      return planted(random, period, (at) =>
        at % period === failing ? fails("fetch", { url: "a" }, `error ${at}`) : inCycle(at % period),
      );
    },
    standardRejectsBy: third,
  },
  "the same call, broken by one other and resumed": {
    make: (random) => {
      const brokenAt = from(random, 1, 3);
      return planted(random, 1, (at) =>
        at === brokenAt ? gives("search", { q: "else" }, "something") : gives("fetch", { url: "a" }, "document a"),
      );
    },
    // What was asked before the break counts no more.
    standardRejectsBy: ({ loop }) => loop.findIndex(({ input }) => isOther(input)) + 1 + 4,
  },
  "a cycle of 2 to 8, broken by one other call and resumed": {
    make: (random) => {
      const period = from(random, 2, 8);
      const brokenAt = from(random, 1, period * 2 - 1);
      const other = gives("search", { q: "else" }, "something");
      const { before, loop } = planted(random, period, (at) => inCycle(at % period));
      return { before, loop: [...loop.slice(0, brokenAt), other, ...loop.slice(brokenAt)], period };
    },
    // The rounds before the break count no more: what is asked is its third round since.
    standardRejectsBy: ({ period, loop }) => loop.findIndex(({ input }) => isOther(input)) + 1 + period * 2 + 1,
  },
  "drift, the same failure": {
    make: (random) => planted(random, 1, (at) => fails("fetch", { url: at }, `no route to host ${at}`)),
    standardRejectsBy: () => 8,
    endsWith: "same-failure",
  },
  "drift, the same result": {
    make: (random) => planted(random, 1, (at) => gives("search", { q: `variant ${at}` }, "[]")),
    standardRejectsBy: () => null,
  },
};

function planted(random: Random, period: number, step: (at: number) => Step): PlantedLoop {
  const before = times(from(random, 0, 20), (at) => gives("search", { q: "before", page: at }, `page ${at}`));
  return { before, loop: times(CALLS, step), period };
}

function inCycle(at: number): Step {
  return gives(["fetch", "read"][at % 2] as string, { part: at }, `result ${at}`);
}

function isOther(input: Step["input"]): boolean {
  return typeof input === "object" && input !== null && "q" in input && input.q === "else";
}

export const asTrace = ({ before, loop }: PlantedLoop) => oneByOne([...before, ...loop]);
