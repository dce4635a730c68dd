import { expect, test } from "vitest";
import { Calls, raised, returned } from "../../test/support/calls.ts";
import type { Ending } from "../call/ending.ts";
import type { Entry } from "../state/entry.ts";
import type { CallRequest } from "./call-request.ts";

/** What the journal and the caller heard of one call's ending, in this order. */
function endingHeard(request: Partial<CallRequest>, ending: Ending, earlier: readonly string[] = []): string[] {
  const heard: string[] = [];
  const append = ({ type }: Entry): void => void heard.push(type);
  const calls = new Calls({}, { t: {} }, { append });
  for (const digest of earlier) calls.make({}, returned(digest));
  const call = calls.core.submit({ tool: "t", fingerprint: "f", run: calls.run, ...request }, () => heard.push("told"));
  heard.length = 0;
  calls.core.start(call);
  calls.core.end(call, 1, ending);
  expect(calls.core.usage.of("t").inFlight).toBe(0);
  return heard;
}

test("a result that repeats nothing is told first, and written down in the same turn", () => {
  expect(endingHeard({}, returned("a"))).toEqual(["told", "ended"]);
  expect(endingHeard({}, returned("b"), ["a"])).toEqual(["told", "ended"]);
});

test("what may bring a notice, has a name or is no result is written down before it is told", () => {
  expect(endingHeard({}, returned("a"), ["a"])).toEqual(["ended", "told"]);
  expect(endingHeard({ idempotencyKey: "k" }, returned("a"))).toEqual(["ended", "told"]);
  expect(endingHeard({ requestId: "q" }, returned("a"))).toEqual(["ended", "told"]);
  expect(endingHeard({}, raised("down"))).toEqual(["ended", "told"]);
});

test("a call that waits for a permit begins only once the result before it is written down", () => {
  const heard: string[] = [];
  const append = ({ type, ...entry }: Entry): void => void heard.push(`${type} ${"call" in entry ? entry.call : ""}`);
  const calls = new Calls({}, { t: { maxConcurrent: 1 } }, { append });
  const [first, second] = [calls.submit({ fingerprint: "1" }), calls.submit({ fingerprint: "2" })];
  for (const { call } of [first, second]) calls.core.claim(call, () => void heard.push(`begins ${call.id}`));
  calls.end(first, returned("a"));
  expect(heard.slice(-2)).toEqual([`ended ${first.call.id}`, `begins ${second.call.id}`]);
});
