import { expect, it } from "vitest";
import type { AdmittedEntry, Entry } from "./entry.ts";
import { replay } from "./replay.ts";

const admitted = (call: string, more: Partial<AdmittedEntry> = {}): AdmittedEntry => ({
  ...{
    type: "admitted",
    atMs: 1,
    call,
    tool: "pay",
    path: ["pay"],
    placement: "host",
    timeoutMs: null,
    withinMs: null,
  },
  ...{ fingerprint: "f", effect: "each-time", idempotencyKey: "order", rate: null, breakerLimit: null, probe: false },
  ...more,
});
const stored = { ending: { type: "returned", digest: "d", preview: null } } as const;
const ended: Entry = {
  ...{ type: "ended", atMs: 2, call: "a", started: true, failed: false, trace: "whole", result: null },
  stored: stored as never,
};

it("a call that a kept result was to answer when its engine was lost is not open: no body runs for it", () => {
  const entries = [admitted("a"), ended, admitted("b", { answered: true })];
  const { open, usage } = replay(entries);
  expect([...open.keys()]).toEqual([]);
  expect(usage.ledger.decide(admitted("c"))).toMatchObject({ type: "done", earlier: "a", stored });
  expect(usage.of("pay").bodies).toBe(1);
  expect([...replay([...entries, admitted("d", { idempotencyKey: "other" })]).open.keys()]).toEqual(["d"]);
});
