import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { systemClock } from "../util/system-clock.ts";
import { terminate } from "./terminate.ts";

async function shell(script: string) {
  const child = spawn("sh", ["-c", script], { detached: true, stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  if (child.pid === undefined) throw new Error("sh was not started");
  return { pid: child.pid, ended: once(child, "exit") };
}

describe("the ladder", () => {
  it.skipIf(process.platform === "win32")("kills at once without a grace", async () => {
    const clock = new FakeClock();
    const { pid, ended } = await shell("trap '' INT TERM; echo; sleep 60 & wait");
    terminate(pid, 0, clock);
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(clock.pendingCount).toBe(0);
  });

  it.skipIf(process.platform === "win32")("gives a body the time to end by itself", async () => {
    const { pid, ended } = await shell("trap 'exit 7' TERM; echo; while :; do sleep 0.01; done");
    const ladder = terminate(pid, 20_000, systemClock);
    expect(await ended).toEqual([7, null]);
    ladder.cancel();
  });

  it.skipIf(process.platform === "win32")("kills what ignores the question", async () => {
    const clock = new FakeClock();
    const { pid, ended } = await shell("trap '' INT TERM; echo; while :; do sleep 0.01; done");
    terminate(pid, 200, clock);
    await clock.advance(199);
    expect(() => process.kill(pid, 0)).not.toThrow();
    await clock.advance(1);
    expect(await ended).toEqual([null, "SIGKILL"]);
  });
});
