import { expect, test } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { ProcessSample } from "./process-tree.ts";
import { SessionReader } from "./session-reader.ts";

const process = (pid: number, sessionId: number, startTicks = 1): ProcessSample => ({
  pid,
  parentPid: 1,
  groupId: sessionId,
  sessionId,
  startTicks,
  isZombie: false,
  cpuMs: 0,
  memoryBytes: 1,
});

function makeReader() {
  const clock = new FakeClock();
  const machine = { processes: [] as ProcessSample[], scans: 0 };
  const find = (pid: number): ProcessSample | undefined => machine.processes.find((each) => each.pid === pid);
  const reader = new SessionReader(clock, {
    tree: (rootPid) => machine.processes.filter(({ pid }) => pid === rootPid),
    process: find,
    scan() {
      machine.scans += 1;
      return [...machine.processes];
    },
  });
  const pids = (rootPid: number): number[] => reader.tree(rootPid).map(({ pid }) => pid);
  return { clock, machine, pids };
}

test("calls that are looked at within 20 ms share one look at the machine, and each sees its own orphans", async () => {
  const { clock, machine, pids } = makeReader();
  machine.processes = [process(10, 10), process(11, 10), process(20, 20), process(21, 20)];
  expect([pids(10), pids(20)]).toEqual([
    [10, 11],
    [20, 21],
  ]);
  await clock.advance(19);
  expect(pids(10)).toEqual([10, 11]);
  expect(machine.scans).toBe(1);
  machine.processes.push(process(12, 10));
  await clock.advance(1);
  expect(pids(10)).toEqual([10, 11, 12]);
  expect(machine.scans).toBe(2);
});

test("an orphan that ended since, or whose number is another's, is not counted", () => {
  const { machine, pids } = makeReader();
  machine.processes = [process(10, 10), process(11, 10), process(12, 10)];
  expect(pids(10)).toEqual([10, 11, 12]);
  machine.processes = [process(10, 10), process(12, 12, 99)];
  expect(pids(10)).toEqual([10]);
});
