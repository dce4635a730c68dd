import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { killGroup } from "./kill-group.ts";
import { OpenProcess } from "./open-process.ts";
import { canReadProcesses, readExactMemory, readProcess, readTree, scanStats } from "./process-tree.ts";

const started: ChildProcess[] = [];

/** A shell that leads a session and says when it is ready. */
async function shell(script: string): Promise<number> {
  const child = spawn("sh", ["-c", script], { detached: true, stdio: ["ignore", "pipe", "inherit"] });
  started.push(child);
  await once(child.stdout, "data");
  if (child.pid === undefined) throw new Error("sh was not started");
  return child.pid;
}

afterEach(async () => {
  for (const child of started.splice(0)) {
    const ended = once(child, "close");
    if (child.pid !== undefined) killGroup(child.pid);
    await ended;
  }
});

describe.runIf(canReadProcesses())("the process tree", () => {
  it("has the root first and all its descendants", async () => {
    const pid = await shell("(sleep 60 & echo; wait) & sleep 60");
    const tree = readTree(pid);
    expect(tree[0]).toMatchObject({ pid, groupId: pid, sessionId: pid, isZombie: false });
    expect(tree).toHaveLength(4);
    expect(new Set(tree.map(({ groupId }) => groupId))).toEqual(new Set([pid]));
    expect(
      new Set(
        scanStats()
          .filter(({ sessionId }) => sessionId === pid)
          .map((each) => each.pid),
      ),
    ).toEqual(new Set(tree.map((each) => each.pid)));
  });

  it("counts the processor time of a child that has ended", async () => {
    const busy = `${JSON.stringify(process.execPath)} -e "while (process.cpuUsage().user < 200000);"`;
    const pid = await shell(`${busy}; echo; sleep 60 & wait`);
    expect(readProcess(pid)?.cpuMs).toBeGreaterThanOrEqual(100);
  });

  it("knows memory that was touched", async () => {
    const script = "const b = Buffer.alloc(100_000_000, 1); console.log(b.length); setTimeout(() => b, 60_000)";
    const pid = await shell(`exec ${JSON.stringify(process.execPath)} -e "${script}"`);
    expect(readProcess(pid)?.memoryBytes).toBeGreaterThan(100_000_000);
    expect(readExactMemory(pid)?.privateBytes).toBeGreaterThan(100_000_000);
    expect(readExactMemory(pid)?.proportionalBytes).toBeGreaterThan(100_000_000);
  });

  it("is empty once the root is gone", () => {
    expect(readTree(2 ** 22 + 1)).toEqual([]);
    expect(readProcess(2 ** 22 + 1)).toBeUndefined();
    expect(readExactMemory(2 ** 22 + 1)).toBeUndefined();
  });

  it("tells the memory of a process as it is at each read, and nothing once that has ended", async () => {
    const own = new OpenProcess(process.pid);
    const before = own.memoryBytes() ?? Number.NaN;
    const held = Buffer.alloc(64_000_000, 1);
    expect((own.memoryBytes() ?? 0) - before).toBeGreaterThan(held.length / 2);
    own.close();
    expect(own.memoryBytes()).toBeUndefined();

    const pid = await shell("echo; sleep 60");
    const gauge = new OpenProcess(pid);
    expect(gauge.memoryBytes()).toBe(readProcess(pid)?.memoryBytes);
    const [child] = started.splice(0);
    const ended = once(child as ChildProcess, "close");
    killGroup(pid);
    await ended;
    expect(gauge.memoryBytes()).toBeUndefined();
    gauge.close();
  });
});
