import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

const watch = join(import.meta.dirname, "parent-watch.ts");

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it("a process in a long computation ends with its parent", async () => {
  const directory = mkdtempSync(join(tmpdir(), "endstop-test-"));
  const busy = `
    import { watchParent } from ${JSON.stringify(watch)};
    watchParent({ parent: process.ppid, directory: ${JSON.stringify(directory)}, checkMs: 50, graceMs: 100 });
    setTimeout(() => { process.send("busy"); setTimeout(() => { for (;;); }, 50); }, 300);`;
  const parent = `
    const child = require("node:child_process").spawn(process.execPath, ["--input-type=module", "-e", ${JSON.stringify(busy)}],
      { stdio: ["ignore", "ignore", "inherit", "ipc"], detached: true });
    child.on("message", () => { console.log(child.pid); });`;
  const started = spawn(process.execPath, ["-e", parent], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = await once(started.stdout, "data");
  const pid = Number(String(said));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(isAlive(pid)).toBe(true);
  started.kill("SIGKILL");
  await expect.poll(() => isAlive(pid), { timeout: 8_000 }).toBe(false);
  expect(existsSync(directory)).toBe(false);
}, 20_000);
