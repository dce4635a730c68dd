import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PressureSample } from "../telemetry/sample.ts";
import { CALM_MS, MEASURES, THRESHOLDS } from "../telemetry/thresholds.ts";
import { equalShareBytes, furthestOverShare } from "./furthest-over-share.ts";
import { CALM, isOn, type PressureState, retryAfterMs, underPressure } from "./pressure.ts";

const QUIET: PressureSample = { memoryFraction: 0.3, cpuFraction: 0.2, eventLoopDelayMs: 1, queueLength: 0 };

/** Feeds samples half a second apart; gives the actions of each as short texts. */
function feed(samples: readonly Partial<PressureSample>[], from: PressureState = CALM) {
  let state = from;
  const told = samples.map((sample, index) => {
    const decision = underPressure(state, { ...QUIET, ...sample }, (index + 1) * 500);
    state = decision.state;
    return decision.actions.map((action) => {
      if ("measure" in action) return `${action.type} ${action.measure}`;
      return action.type === "set-concurrency" ? `${action.type} ${action.fraction.toFixed(2)}` : action.type;
    });
  });
  return { told, state };
}

const times = (count: number, sample: Partial<PressureSample>) => Array.from({ length: count }, () => sample);

describe("as memory fills up", () => {
  it("the measures begin in order, mildest first, and only about to run out kills", () => {
    const { told } = feed([0.84, 0.85, 0.9, 0.92, 0.95, 0.97, 0.98].map((memoryFraction) => ({ memoryFraction })));
    const begun = told.map((actions) => actions.filter((action) => action.startsWith("measure-begin")));
    expect(begun).toEqual([
      [],
      ...MEASURES.slice(0, 4).map((its) => [`measure-begin ${its}`]),
      [],
      ["measure-begin kill-call"],
    ]);
    expect(told.flat().filter((action) => action.startsWith("kill"))).toHaveLength(1);
  });

  it("each step has time to show: concurrency halves once a second, and kills are two seconds apart", () => {
    const { told } = feed(times(9, { memoryFraction: 0.99 }));
    const steps = (name: string) =>
      told.map((its) => its.filter((action) => action.startsWith(name))).map((its) => its.length);
    expect(steps("set-concurrency")).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1]);
    expect(steps("kill-furthest")).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(told.flat()).toContain("set-concurrency 0.03");
  });

  it("concurrency never falls to nothing", () => {
    const { state } = feed(times(100, { memoryFraction: 0.99 }));
    expect(state.concurrencyFraction).toBe(1 / 64);
  });
});

describe("a measure", () => {
  it("holds between its two thresholds and does no more, so that a figure at the edge does not make it flicker", () => {
    const edge = Array.from({ length: 40 }, (_, index) => ({ memoryFraction: index % 2 ? 0.96 : 0.94 }));
    const { told, state } = feed([{ memoryFraction: 0.96 }, ...edge]);
    expect(told.flat().filter((action) => action.includes("reject-calls"))).toEqual(["measure-begin reject-calls"]);
    expect(isOn(state, "reject-calls")).toBe(true);
    const held = feed([{ memoryFraction: 0.91 }, ...times(20, { memoryFraction: 0.87 })]);
    expect(held.told.flat().filter((action) => action.startsWith("set-concurrency"))).toEqual(["set-concurrency 0.50"]);
  });

  it("ends by itself after five calm seconds, and concurrency comes back step by step", () => {
    const { told, state } = feed([...times(3, { memoryFraction: 0.96 }), ...times(60, {})]);
    const ends = told.flatMap((its, index) => (its.includes("measure-end reject-calls") ? [index] : []));
    expect(ends).toEqual([3 + CALM_MS / 500]);
    expect(state.concurrencyFraction).toBe(1);
    expect(told.flat().filter((action) => action.startsWith("set-concurrency"))).toEqual(
      ["0.50", "0.25", "0.35", "0.45", "0.55", "0.65", "0.75", "0.85", "0.95", "1.00"].map(
        (its) => `set-concurrency ${its}`,
      ),
    );
    expect(MEASURES.filter((measure) => isOn(state, measure))).toEqual([]);
  });

  it("does not begin for a processor that is busy for a moment", () => {
    expect(feed([...times(60, { cpuFraction: 1 }), {}, ...times(60, { cpuFraction: 1 })]).told.flat()).toEqual([]);
    expect(feed(times(61, { cpuFraction: 1 })).told.flat()).toContain("measure-begin lower-concurrency");
    const { told, state } = feed(times(200, { cpuFraction: 1 }));
    expect(told.flat()).not.toContain("measure-begin reject-calls");
    expect(state.concurrencyFraction).toBe(1 / 4);
  });

  it("does not begin for bursts that hold the event loop up, and rejects nothing however long it is", () => {
    expect(feed(times(20, { eventLoopDelayMs: 5_000 })).told.flat()).toEqual([]);
    const { told, state } = feed(times(200, { eventLoopDelayMs: 5_000 }));
    expect(told.flat()).toEqual([
      "measure-begin lower-concurrency",
      ...["set-concurrency 0.50", "set-concurrency 0.25"],
    ]);
    expect(state.concurrencyFraction).toBe(1 / 4);
  });

  it("rejects with a hint when a call would have a chance", () => {
    const { state } = feed([{ queueLength: 200_000 }]);
    expect(retryAfterMs(state, 500)).toBe(CALM_MS);
    const calming = underPressure(state, QUIET, 1_000).state;
    expect(retryAfterMs(calming, 3_000)).toBe(CALM_MS - 2_000);
    expect(retryAfterMs(CALM, 0)).toBe(0);
  });

  it("is on exactly as an obvious model says, for any course of the memory", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 60, max: 100 }), { maxLength: 80 }), (percents) => {
        let state = CALM;
        for (let index = 0; index < percents.length; index++) {
          const memoryFraction = (percents[index] as number) / 100;
          state = underPressure(state, { ...QUIET, memoryFraction }, index * 500).state;
          for (const measure of MEASURES) {
            const { enter, leave } = THRESHOLDS[measure].memoryFraction ?? { enter: 2, leave: 2 };
            const past = percents.slice(0, index + 1).map((percent) => percent / 100);
            const lastEntered = past.findLastIndex((its) => its >= enter);
            // On since it entered, unless ten samples in a row after the first calm one were calm since.
            const since = lastEntered < 0 ? [] : past.slice(lastEntered + 1);
            const calm = since.map((its) => its < leave);
            const hasEnded = calm.some(
              (_, at) => calm.slice(at, at + 11).length === 11 && calm.slice(at, at + 11).every(Boolean),
            );
            expect(isOn(state, measure)).toBe(lastEntered >= 0 && !hasEnded);
          }
        }
      }),
    );
  });
});

describe("who is killed when memory is about to run out", () => {
  const call = (callId: string, memoryBytes: number, shareBytes: number) => ({ callId, memoryBytes, shareBytes });

  it("is the call furthest over its share, not the largest", () => {
    expect(furthestOverShare([call("large", 900, 800), call("over", 500, 100), call("small", 10, 100)])?.callId).toBe(
      "over",
    );
  });

  it("is nobody if every call is within its share", () => {
    expect(furthestOverShare([call("a", 100, 100), call("b", 10, 100)])).toBeUndefined();
    expect(furthestOverShare([])).toBeUndefined();
    expect([equalShareBytes(100, 4), equalShareBytes(100, 0)]).toEqual([25, 100]);
  });
});
