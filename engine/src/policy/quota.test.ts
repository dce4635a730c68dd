import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { book, judge, judgeOutput, NEW_ACCOUNT, NO_QUOTAS, needsSampling } from "./quota.ts";

const nothing = { cpuMs: 0, memoryBytes: 0, processes: 0 };

describe("a quota", () => {
  it("is passed only above its limit, and the verdict names the figure seen", () => {
    const cases = [
      ["cpu", { cpuMs: 100 }, { cpuMs: 100 }, { cpuMs: 110 }],
      ["memory", { memoryBytes: 100 }, { memoryBytes: 100 }, { memoryBytes: 101 }],
      ["processes", { processes: 2 }, { processes: 2 }, { processes: 3 }],
    ] as const;
    for (const [quota, limits, allowed, tooMuch] of cases) {
      expect(judge({ ...NO_QUOTAS, ...limits }, { ...nothing, ...allowed }, 2).type).toBe("within");
      const [limit] = Object.values(limits);
      const [observed] = Object.values(tooMuch);
      expect(judge({ ...NO_QUOTAS, ...limits }, { ...nothing, ...tooMuch }, 2)).toEqual({
        type: "exceeded",
        excess: { quota, observed, limit },
      });
    }
    expect(judgeOutput({ ...NO_QUOTAS, outputBytes: 10 }, 10)).toBeUndefined();
    expect(judgeOutput({ ...NO_QUOTAS, outputBytes: 10 }, 11)).toEqual({ quota: "output", observed: 11, limit: 10 });
  });

  it("that is not set is never passed, and nothing is sampled for it", () => {
    expect(needsSampling({ ...NO_QUOTAS, outputBytes: 1 })).toBe(false);
    expect(judge(NO_QUOTAS, { cpuMs: 1e12, memoryBytes: 1e15, processes: 1e6 }, 2).type).toBe("within");
  });

  it("is looked at again before it can be far passed: sooner the nearer it is, never more often than every 2 ms", () => {
    const quotas = { cpuMs: 1_000, memoryBytes: 256_000_000, processes: null, outputBytes: null };
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1_000 }),
        fc.integer({ min: 0, max: 256_000_000 }),
        (cpuMs, memoryBytes) => {
          const verdict = judge(quotas, { cpuMs, memoryBytes, processes: 0 }, 2);
          if (verdict.type === "exceeded") throw new Error("inside its limits");
          const { nextSampleMs } = verdict;
          expect(nextSampleMs).toBeGreaterThanOrEqual(2);
          expect(nextSampleMs).toBeLessThanOrEqual(50);
          // At full speed on both cores and of memory, the overshoot is what 2 ms can bring.
          expect(cpuMs + 2 * nextSampleMs).toBeLessThanOrEqual(1_000 + 2 * 2);
          expect(memoryBytes + 4_000_000 * nextSampleMs).toBeLessThanOrEqual(256_000_000 + 4_000_000 * 2);
        },
      ),
    );
  });
});

describe("the account of processor time", () => {
  const bookAll = (sums: readonly number[]): number =>
    sums.reduce((account, sum) => book(account, sum), NEW_ACCOUNT).highestMs;

  it("keeps the time of processes that ended and were waited for by nobody", () => {
    expect(bookAll([0, 500, 20, 20, 520])).toBe(1_000);
  });

  it("does not count a child twice that ended between the reads of itself and its parent", () => {
    expect(bookAll([0, 500, 20, 500, 510])).toBe(510);
  });

  it("never falls, and is never more than all that was ever seen", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 50 }), (sums) => {
        let account = NEW_ACCOUNT;
        let everSeen = 0;
        let before = 0;
        for (const sum of sums) {
          const { highestMs } = account;
          account = book(account, sum);
          everSeen += Math.max(0, sum - before);
          before = sum;
          expect(account.highestMs).toBeGreaterThanOrEqual(highestMs);
          expect(account.highestMs).toBeLessThanOrEqual(everSeen);
        }
      }),
    );
  });
});
