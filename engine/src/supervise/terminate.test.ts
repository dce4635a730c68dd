import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { systemClock } from "../internal/clock.ts";
import { AT_ONCE, rungs, terminate } from "./terminate.ts";

async function shell(script: string) {
  const child = spawn("sh", ["-c", script], { detached: true, stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  if (child.pid === undefined) throw new Error("sh was not started");
  return { pid: child.pid, ended: once(child, "exit") };
}

describe("the ladder", () => {
  it("asks, terminates, kills, each after the grace of the one before", () => {
    expect(rungs({ askMs: 100, terminateMs: 50 })).toEqual([
      { afterMs: 0, signal: "SIGINT" },
      { afterMs: 100, signal: "SIGTERM" },
      { afterMs: 150, signal: "SIGKILL" },
    ]);
    expect(rungs({ askMs: 0, terminateMs: 50 })).toEqual([
      { afterMs: 0, signal: "SIGTERM" },
      { afterMs: 50, signal: "SIGKILL" },
    ]);
    expect(rungs(AT_ONCE)).toEqual([{ afterMs: 0, signal: "SIGKILL" }]);
  });

  it.skipIf(process.platform === "win32")("kills at once without a grace", async () => {
    const clock = new FakeClock();
    const { pid, ended } = await shell("trap '' INT TERM; echo; sleep 60 & wait");
    terminate(pid, AT_ONCE, clock);
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(clock.pendingCount).toBe(0);
  });

  it.skipIf(process.platform === "win32")("gives a body the time to end by itself", async () => {
    const { pid, ended } = await shell("trap 'exit 7' INT; echo; while :; do sleep 0.01; done");
    const ladder = terminate(pid, { askMs: 20_000, terminateMs: 0 }, systemClock);
    expect(await ended).toEqual([7, null]);
    ladder.cancel();
  });

  it.skipIf(process.platform === "win32")("kills what ignores both questions", async () => {
    const clock = new FakeClock();
    const { pid, ended } = await shell("trap '' INT TERM; echo; while :; do sleep 0.01; done");
    terminate(pid, { askMs: 100, terminateMs: 100 }, clock);
    await clock.advance(199);
    expect(() => process.kill(pid, 0)).not.toThrow();
    await clock.advance(1);
    expect(await ended).toEqual([null, "SIGKILL"]);
  });
});
