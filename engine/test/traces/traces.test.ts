import { describe, expect, it } from "vitest";
import { Random } from "../simulation/random.ts";
import { healthy } from "./healthy.ts";
import { asTrace, loops } from "./loops.ts";
import { firstRejection, replay } from "./replay.ts";

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed + 1);

describe("a healthy history", () => {
  const leftByLenient = Object.entries(healthy).filter(([, kind]) => !kind.isRejectedByLenient);
  it.each(leftByLenient)("(%s) is rejected nowhere by the lenient preset", (_, { make }) => {
    for (const seed of SEEDS) {
      expect([seed, firstRejection(replay(make(new Random(seed)), "lenient"))]).toEqual([seed, undefined]);
    }
  });

  const unrejected = Object.entries(healthy).filter(([, kind]) => kind.rejectedByStandard === undefined);
  it.each(unrejected)("(%s) is rejected nowhere by the standard preset", (_, { make }) => {
    for (const seed of SEEDS) {
      expect([seed, firstRejection(replay(make(new Random(seed)), "standard"))]).toEqual([seed, undefined]);
    }
  });

  it.each(Object.entries(healthy).filter(([, kind]) => kind.recovers))(
    "(%s) recovers under each preset",
    (_, { make }) => {
      for (const preset of ["lenient", "standard", "strict"] as const) {
        for (const seed of SEEDS) {
          const last = replay(make(new Random(seed)), preset).slice(-5);
          expect([preset, seed, last.map(({ code }) => code)]).toEqual([preset, seed, Array(5).fill("admitted")]);
        }
      }
    },
  );

  const named = Object.entries(healthy).filter(([, kind]) => kind.rejectedByStandard !== undefined);
  it.each(named)("(%s) is rejected by the standard preset for its one named reason only", (_, kind) => {
    const codes = SEEDS.flatMap((seed) => replay(kind.make(new Random(seed)), "standard").map(({ code }) => code));
    expect(new Set(codes)).toEqual(new Set(["admitted", ...(kind.rejectedByStandard ?? [])]));
  });
});

it("work with two tools in turn is never told of by the standard preset", () => {
  for (const name of ["a list worked off with two tools", "edit and test, the tests fail differently"]) {
    for (const seed of SEEDS) {
      const told = replay(healthy[name]?.make(new Random(seed)) ?? [], "standard").filter(({ notice }) => notice);
      expect([name, seed, told]).toEqual([name, seed, []]);
    }
  }
});

describe("a planted loop", () => {
  it.each(Object.entries(loops))(
    "(%s) is stopped by the standard preset when it should be, not in its first round, and its agent ends",
    (_, { make, standardRejectsBy, endsWith = "agent-ended", isMissed = false }) => {
      for (const seed of SEEDS) {
        const planted = make(new Random(seed));
        const replayed = replay(asTrace(planted), "standard");
        const limit = standardRejectsBy(planted);
        const rejectedAt = firstRejection(replayed);
        if (limit === null) {
          expect([seed, rejectedAt]).toEqual([seed, undefined]);
          expect(replayed.some(({ notice }) => notice !== null)).toBe(!isMissed);
        } else {
          const inLoop = (rejectedAt ?? Number.POSITIVE_INFINITY) - planted.before.length;
          expect(inLoop, `seed ${seed}`).toBeGreaterThan(planted.period);
          expect(inLoop, `seed ${seed}`).toBeLessThanOrEqual(limit);
          expect(replayed.at(-1)?.code).toBe(endsWith);
        }
      }
    },
  );
});
