import { expect, it, vi } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { LinkedList } from "../../util/linked-list.ts";
import { Watchdog, WatchedCall } from "./watchdog.ts";

it("does not walk over the calls in flight for one that begins or ends: many at once would cost the square of their number", () => {
  const dog = new Watchdog(1_000, new FakeClock());
  const calls = Array.from({ length: 100 }, (_, n) => new WatchedCall("f", `test-${n}`));
  const walks = [Set.prototype, LinkedList.prototype].map((kind) => vi.spyOn(kind, Symbol.iterator));
  for (const call of calls) dog.run(call, () => undefined);
  for (const call of calls) dog.ended(call);
  expect(walks.map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
});
