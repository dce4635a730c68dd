import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { endGroups } from "../src/processes/cgroup-folders.ts";
import { Cgroups } from "../src/processes/cgroups.ts";
import { readProcess } from "../src/processes/process-tree.ts";
import { readText } from "../src/util/read-text.ts";
import { isRunning } from "./support/processes.ts";

const MB = 1_000_000;
const children: ChildProcess[] = [];

/** Whether this machine lets this user make groups that bound memory; else there is nothing to be tried here. */
const areUsable = (await new Cgroups().describe()).startsWith("version");

function start(script: string): ChildProcess {
  const child = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  return child;
}

function sampleOf({ pid }: ChildProcess) {
  const sample = readProcess(pid as number);
  if (!sample) throw new Error("it has ended");
  return sample;
}

function groups() {
  const cgroups = new Cgroups();
  const folder = cgroups.folder as string;
  onTestFinished(() => endGroups(folder));
  return { cgroups, folder };
}

function eventually(check: () => boolean): Promise<unknown> {
  return vi.waitUntil(check, { timeout: 10_000, interval: 5 });
}

/** What the kernel holds the first group to; in version 1 no limit is a large number. */
function limitBytes(folder: string): number {
  const [text] = ["memory.max", "memory.limit_in_bytes"].flatMap((name) => readText(join(folder, "1", name)) ?? []);
  return Number.parseInt(text ?? "", 10);
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

const EATER = `process.stdin.once("data", () => { const all = []; for (;;) all.push(Buffer.alloc(10_000_000, 1)); })`;

describe.skipIf(!areUsable)("a cgroup of this kernel", () => {
  it("is removed once by those who remove it at the same time", async () => {
    const { cgroups, folder } = groups();
    const group = cgroups.group();
    const child = start('const held = Buffer.alloc(300_000_000, 1); process.stdin.resume().on("end", () => held)');
    await eventually(() => sampleOf(child).memoryBytes > 300 * MB);
    group.bound([sampleOf(child)], 100 * MB);
    await eventually(() => group.members.length === 1);
    const removals: Promise<void>[] = [];
    // The kernel takes it down in its own time: each of these meets the group at another moment.
    for (let count = 0; count < 20; count += 1) {
      removals.push(group.remove());
      await sleep(2);
    }
    await Promise.all(removals);
    expect(existsSync(join(folder, "1"))).toBe(false);
  });

  it("has the kernel kill what passes its room, and tells so, also when it is gone", async () => {
    const { cgroups, folder } = groups();
    const group = cgroups.group();
    const child = start(EATER);
    group.bound([sampleOf(child)], 100 * MB);
    await eventually(() => limitBytes(folder) < 200 * MB);
    expect(group.members).toEqual([child.pid]);
    expect(group.exhaustedBytes).toBeUndefined();
    child.stdin?.write("eat");
    const [, signal] = await once(child, "exit");
    expect(signal).toBe("SIGKILL");
    await eventually(() => group.exhaustedBytes === 100 * MB);
    await group.remove();
    expect(group.exhaustedBytes).toBe(100 * MB);
    await cgroups.close();
    expect(existsSync(folder)).toBe(false);
  });

  it("lets the next call have more than the last, and blames nobody who was killed for another reason", async () => {
    const { cgroups, folder } = groups();
    const group = cgroups.group();
    const child = start(
      `process.stdin.once("data", () => { globalThis.all = Buffer.alloc(200_000_000, 1); console.log("eaten"); })`,
    );
    group.bound([sampleOf(child)], 50 * MB);
    await eventually(() => limitBytes(folder) < 200 * MB);
    group.lift();
    child.stdin?.write("eat");
    expect(String(await once(child.stdout as NodeJS.ReadableStream, "data"))).toBe("eaten\n");
    group.bound([sampleOf(child)], 50 * MB);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(group.exhaustedBytes).toBeUndefined();
    await group.remove();
  });

  it("holds what left its session and cleared its environment, and ends it when it is removed", async () => {
    const { cgroups } = groups();
    const group = cgroups.group();
    const away = `require("node:child_process").spawn("sleep", ["600"], { detached: true, env: { PATH: process.env.PATH }, stdio: "ignore" }).unref(); process.exit()`;
    const child = start(`process.stdin.once("data", () => { ${away} })`);
    group.bound([sampleOf(child)], 500 * MB);
    await eventually(() => group.members.length === 1);
    child.stdin?.write("leave");
    await once(child, "exit");
    const [left] = group.members;
    expect(readProcess(left as number)?.parentPid).not.toBe(child.pid);
    await group.remove();
    expect(isRunning(left as number)).toBe(false);
  });

  it("of an engine that was killed goes with what is in it, or when the next engine makes its first", async () => {
    const program = `import { Cgroups } from "./src/processes/cgroups.ts"; const all = new Cgroups(); await all.make(); console.log(all.folder); setTimeout(() => {}, 60_000);`;
    const killed = async (): Promise<string> => {
      const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const folder = String(await once(child.stdout, "data")).trim();
      child.kill("SIGKILL");
      await once(child, "exit");
      expect(readdirSync(folder)).toContain("1");
      return folder;
    };
    const ended = await killed();
    await endGroups(ended);
    expect(existsSync(ended)).toBe(false);
    const abandoned = await killed();
    await groups().cgroups.make();
    expect(existsSync(abandoned)).toBe(false);
  });
});

describe("cgroups", () => {
  it("are not made in a folder that is no cgroup, and nothing is left there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "endstop-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    expect(await new Cgroups(folder).describe()).toMatch(/has no memory.limit_in_bytes: it is no cgroup/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("are not made where they are switched off, or where there are none", () => {
    for (const cgroups of [new Cgroups("off"), new Cgroups("", () => undefined)]) {
      const group = cgroups.group();
      group.bound([{ pid: process.pid, startTicks: 0 }], 1);
      expect([cgroups.folder, group.members, group.exhaustedBytes]).toEqual([undefined, [], undefined]);
    }
  });
});
