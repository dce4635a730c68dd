import { describe, expect, it } from "vitest";
import { describeEnding } from "../call/describe.ts";
import type { Ending } from "../call/ending.ts";
import type { Call } from "../state/call.ts";
import { withPreparation } from "./call-entry.ts";

describe("a call whose time is over in a worker", () => {
  const figures = (ending: Ending, preparedMs: number) => {
    const told = withPreparation(ending, { preparedMs, timeoutMs: 1_000 } as Call);
    return describeEnding(told as Parameters<typeof describeEnding>[0], 1_000);
  };

  it("is told with the time of its preparation, which is named where it was much", () => {
    const long = { limit: "1 s", observed: "1 s (900 ms of it to make its tool and input ready for a worker)" };
    expect(figures({ type: "expired", observedMs: 100 }, 900)).toEqual(["timed-out", long]);
    expect(figures({ type: "expired", observedMs: 990 }, 10)).toEqual(["timed-out", { limit: "1 s", observed: "1 s" }]);
  });

  it("before its body began says what took the time", () => {
    const late: Ending = { type: "not-started", waitedMs: 10, limitMs: 10 };
    const detail = "a worker that has loaded it, after 990 ms to make its tool and input ready for a worker";
    expect(figures(late, 990)).toMatchObject(["wait-timed-out", { detail }]);
  });
});
