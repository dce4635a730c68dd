import { expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import type { Ending } from "../../call/ending.ts";
import type { Job } from "./job.ts";
import { WaitingJobs } from "./waiting-jobs.ts";

function makeQueue() {
  const clock = new FakeClock();
  const queue = new WaitingJobs(clock);
  const ended: string[] = [];
  const job = (callId: string, more: Partial<Job> = {}): Job =>
    ({
      callId,
      key: "tool",
      waiting: [],
      waitMs: null,
      ended: ({ type }: Ending) => ended.push(`${callId} ${type}`),
      ...more,
    }) as unknown as Job;
  const order = (): string[] =>
    [...queue.groups]
      .flatMap(({ jobs }) => [...jobs])
      .sort((a, b) => a.order - b.order)
      .map(({ job: { callId } }) => callId);
  return { clock, queue, ended, job, order };
}

it("keeps the order over all tools, with what was put back in front", () => {
  const { queue, job, order } = makeQueue();
  for (const [id, key] of [
    ["1", "a"],
    ["2", "b"],
    ["3", "a"],
  ] as const)
    queue.add(job(id, { key }));
  queue.putBack({ job: job("4", { key: "b" }), isRetry: false, queuedAtMs: 0 }, true);
  expect([order(), queue.count]).toEqual([["4", "1", "2", "3"], 4]);
  for (const id of ["1", "4"]) queue.leave(queue.find(id) as never);
  expect([order(), queue.count, queue.find("1")]).toEqual([["2", "3"], 2, undefined]);
});

it("knows whose bodies wait for these, until the last of them has left", () => {
  const { queue, job } = makeQueue();
  for (const id of ["1", "2"]) queue.add(job(id, { waiting: ["parent"] }));
  queue.leave(queue.find("1") as never);
  expect(queue.isParent("parent")).toBe(true);
  queue.leave(queue.find("2") as never);
  expect(queue.isParent("parent")).toBe(false);
});

it("gives up in time, and leaves once", async () => {
  const { clock, queue, ended, job } = makeQueue();
  queue.add(job("1", { waitMs: 100 }));
  const waiting = queue.find("1");
  await clock.advance(100);
  expect([ended, queue.count]).toEqual([["1 not-started"], 0]);
  queue.leave(waiting as never);
  queue.add(job("2"));
  queue.refuse("no worker can be had");
  expect([ended, queue.count, [...queue.groups]]).toEqual([["1 not-started", "2 load-failed"], 0, []]);
});
