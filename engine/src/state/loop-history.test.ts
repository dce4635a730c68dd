import { expect, it } from "vitest";
import { Random } from "../../test/simulation/random.ts";
import { CallResults, type Repetition } from "./loop-history.ts";

it("the results of a run are those of the 10,000 calls recorded last, however often each was recorded", () => {
  const random = new Random(20_261_124);
  const results = new CallResults();
  const recordedAt = new Map<string, number>();
  for (let at = 0; at < 60_000; at += 1) {
    const key = String(random.below(30_000));
    results.set(key, {
      digest: String(at),
      times: 1,
      preview: null,
      refusedAtMs: null,
      pauses: 0,
      news: 0,
    } satisfies Repetition);
    recordedAt.set(key, at);
  }
  const latest = new Map([...recordedAt].sort(([, a], [, b]) => b - a).slice(0, 10_000));
  for (let key = 0; key < 30_000; key += 1) {
    const at = latest.get(String(key));
    expect(results.get(String(key))?.digest).toBe(at === undefined ? undefined : String(at));
  }
});
