import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, it, onTestFinished } from "vitest";
import { StartedProcesses } from "./started-processes.ts";

/** Only Linux tells. */
describe.runIf(process.platform === "linux")("what a worker sees of the processes that a call has started", () => {
  it("is each that lives, once one was started, and that some have ended", async () => {
    const processes = new StartedProcesses();
    processes.keep();
    expect(processes.left()).toBeUndefined();
    const child = spawn("sleep", ["60"]);
    onTestFinished(() => void child.kill("SIGKILL"));
    expect(processes.left()).toBe("some");
    child.kill("SIGKILL");
    await once(child, "exit");
    processes.left();
    execFileSync("sh", ["-c", "sleep 0 & sleep 0; sh -c true"]);
    expect(processes.left()).toBe("unknown");
    expect(processes.left()).toBeUndefined();
  });

  it("is what a thread has started, too, that took the place of another", async () => {
    const thread = (source: string): Worker => {
      const made = new Worker(source, { eval: true });
      onTestFinished(async () => void (await made.terminate()));
      return made;
    };
    const first = thread("setInterval(() => {}, 1000); require('worker_threads').parentPort.postMessage(0)");
    await once(first, "message");
    const processes = new StartedProcesses();
    processes.keep();
    await first.terminate();
    const second = thread(
      "const child = require('child_process').spawn('sleep', ['60'], { detached: true }); setInterval(() => {}, 1000); require('worker_threads').parentPort.postMessage(child.pid)",
    );
    const [pid] = await once(second, "message");
    onTestFinished(() => void process.kill(pid, "SIGKILL"));
    expect(processes.left()).toBe("some");
  });

  it("is looked for at each call where the file that tells the latest number is an imitation, or knows of no thread here", () => {
    const folder = mkdtempSync(join(tmpdir(), "endstop-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const imitation = join(folder, "loadavg");
    writeFileSync(imitation, "0.00 0.00 0.00 1/80 999999999\n");
    for (const load of [imitation, "/proc/sys/vm/overcommit_memory", "/nowhere"]) {
      const processes = new StartedProcesses(load);
      processes.keep();
      expect(processes.left()).toBeUndefined();
      const child = spawn("sleep", ["60"]);
      onTestFinished(() => void child.kill("SIGKILL"));
      expect(processes.left()).toBe("some");
    }
  });
});
