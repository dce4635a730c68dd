import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { NO_QUOTAS } from "../../policy/quota.ts";
import type { Job } from "./job.ts";
import { matchJobs } from "./matching.ts";
import type { Readiness } from "./modules.ts";
import { type WaitingGroup, WaitingJobs } from "./waiting-jobs.ts";
import { MAX_BUSY } from "./workers-wanted.ts";

const READY: Readiness = { type: "ready", generation: 1 };
const error = { name: "ImportError", message: "no module named x", stack: "" };

function queued(callId: string): Job {
  const job = {
    callId,
    attempt: 1,
    key: callId.charAt(0),
    waitMs: null,
    quotas: NO_QUOTAS,
    waiting: [],
  } as unknown as Job;
  return job;
}

/** The first letter is the tool. */
function groupsOf(jobs: readonly Job[]): Iterable<WaitingGroup> {
  const waiting = new WaitingJobs(new FakeClock());
  for (const job of jobs) waiting.add(job);
  return waiting.groups;
}

function match(
  ids: string[],
  workers: string[],
  { working = 0, parents = [] as string[], of = {} as Record<string, Readiness> } = {},
) {
  const matches = matchJobs(
    groupsOf(ids.map(queued)),
    workers,
    working,
    (id) => parents.includes(id),
    ({ callId }) => of[callId] ?? READY,
  );
  const { starts, failed, ...counts } = matches;
  return {
    starts: starts.map(({ queued: { job }, worker }) => `${job.callId} on ${worker}`),
    failed: failed.map(({ queued: { job } }) => job.callId),
    ...counts,
  };
}

describe("matching jobs with workers", () => {
  it("gives the first job the first worker, and counts who is left", () => {
    expect(match(["a", "b", "c"], ["w1", "w2"])).toEqual({
      starts: ["a on w1", "b on w2"],
      failed: [],
      idle: [],
      working: 2,
      waiting: 1,
    });
    expect(match(["a"], ["w1", "w2"])).toMatchObject({ starts: ["a on w1"], idle: ["w2"], waiting: 0 });
  });

  it("lets no job stand in line behind one whose modules are imported, or cannot be", () => {
    const of = { a: { type: "waiting" }, b: { type: "failed", error } } as const;
    expect(match(["a", "b", "c"], ["w1"], { of })).toEqual({
      starts: ["c on w1"],
      failed: ["b"],
      idle: [],
      working: 1,
      waiting: 0,
    });
  });

  it("starts jobs of all tools in the order in which they came, and looks no further than needed", () => {
    const ids = ["a1", "a2", "b1", "a3", "b2", "c1"];
    expect(match(ids, ["w1", "w2", "w3", "w4"])).toMatchObject({
      starts: ["a1 on w1", "a2 on w2", "b1 on w3", "a3 on w4"],
      waiting: 2,
    });
    const looks: string[] = [];
    const look = (id: string): void => void looks.push(id);
    const many = groupsOf(Array.from({ length: 10_000 }, (_, n) => queued(`a${n}`)));
    matchJobs(
      many,
      ["w1"],
      0,
      (id) => look(id) !== undefined,
      ({ callId }) => {
        look(callId);
        return READY;
      },
    );
    expect(looks).toEqual(["a0", "a0"]);
  });

  it("runs no more at once than it may, but for bodies that wait for others of these", () => {
    expect(match(["a", "b"], ["w1", "w2"], { working: MAX_BUSY })).toMatchObject({
      starts: [],
      idle: ["w1", "w2"],
      waiting: 2,
    });
    const parent = match(["a", "b"], ["w1", "w2"], { working: MAX_BUSY - 1, parents: ["a"] });
    expect(parent).toMatchObject({ starts: ["a on w1", "b on w2"], working: MAX_BUSY });
  });
});
