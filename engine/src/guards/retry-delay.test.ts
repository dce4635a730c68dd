import { expect, it } from "vitest";
import type { Ending } from "../call/ending.ts";
import type { Effect } from "../policy/effect.ts";
import { type EndedAttempt, retryDelay } from "./retry-delay.ts";

const LIMITS = { maxAttempts: 4, firstDelayMs: 100, maxDelayMs: 250 };
const raised: Ending = { type: "raised", error: { name: "E", message: "m", stack: "" } };
const crashed: Ending = { type: "crashed", signal: "SIGSEGV", exitCode: null };
const expired: Ending = { type: "expired", observedMs: 10 };
const ended = (ending: Ending, its: Partial<EndedAttempt> = {}): EndedAttempt => ({
  attempt: 1,
  effect: "none",
  placement: "worker",
  ending,
  ...its,
});

it("is off by default, and never runs a body again that may have had an effect", () => {
  expect(retryDelay(null, ended(raised), 0.5)).toBeNull();
  for (const ending of [raised, crashed, expired]) {
    expect(retryDelay(LIMITS, ended(ending, { effect: "each-time" }), 0.5)).toBeNull();
    expect(retryDelay(LIMITS, ended(ending, { effect: "once" }), 0.5)).toBe(50);
    expect(retryDelay(LIMITS, ended(ending, { effect: "none" }), 0.5)).toBe(50);
  }
});

it("tries again whatever the effect where no body started", () => {
  const ending: Ending = { type: "load-failed", error: { name: "E", message: "m", stack: "" } };
  expect(retryDelay(LIMITS, ended(ending, { effect: "each-time" }), 0.5)).toBe(50);
});

it("does not run a second host body beside one that may still run, unless neither changes anything", () => {
  const host = (effect: Effect) => retryDelay(LIMITS, ended(expired, { effect, placement: "host" }), 0.5);
  expect([host("none"), host("once"), host("each-time")]).toEqual([50, null, null]);
});

it("does not try again what would end the same way or was asked to end", () => {
  const endings: Ending[] = [
    { type: "returned", digest: null, preview: null },
    { type: "invalid", detail: "" },
    { type: "over-quota", quota: "memory", observed: 2, limit: 1 },
    { type: "too-large", part: "result", observedBytes: 2, limitBytes: 1, started: true },
    { type: "cancelled", detail: "", body: "not-started" },
    { type: "not-started", waitedMs: 1, limitMs: 1 },
  ];
  for (const ending of endings) expect(retryDelay(LIMITS, ended(ending), 0.5)).toBeNull();
});

it("draws its wait from a bound that doubles up to the longest, and stops after the last attempt", () => {
  const bounds = [1, 2, 3, 4, 5].map((attempt) => retryDelay(LIMITS, ended(raised, { attempt }), 1));
  expect(bounds).toEqual([100, 200, 250, null, null]);
  expect(retryDelay(LIMITS, ended(raised), 0)).toBe(0);
});
