import { serialize } from "node:v8";
import { expect, it, onTestFinished, vi } from "vitest";
import { EventStream } from "../src/events/event-stream.ts";
import { NodePool } from "../src/placement/node/pool.ts";
import { SURPLUS_AFTER_MS } from "../src/placement/surplus.ts";
import { OwnedProcesses } from "../src/supervise/owned-processes.ts";
import { NO_QUOTAS } from "../src/supervise/quota.ts";
import { QuotaWatch } from "../src/supervise/quota-watch.ts";
import { FakeClock } from "./support/fake-clock.ts";
import { isRunning } from "./support/processes.ts";

it("ends the workers that no call has needed for a minute, but for the reserve", async () => {
  const clock = new FakeClock();
  const processes = new OwnedProcesses(clock);
  const pool = new NodePool(processes, clock, new QuotaWatch(clock), new EventStream());
  onTestFinished(() => {
    pool.close();
    processes.destroy();
  });
  const module = new URL("./support/tools/odd.ts", import.meta.url).href;
  await pool.load(module);
  const call = (callId: string): Promise<void> =>
    new Promise((ended) =>
      pool.run({
        callId,
        path: ["odd"],
        module,
        input: serialize({ do: "pid" }),
        timeoutMs: null,
        quotas: NO_QUOTAS,
        start: () => true,
        ended: () => ended(),
        nested: () => Promise.reject(new Error("it makes no call")),
        cancelNested: () => {},
      }),
    );
  await Promise.all(["a", "b", "c"].map(call));
  await vi.waitFor(() => expect(pool.figures).toMatchObject({ starting: 0, busy: 0 }), { timeout: 10_000 });
  const before = pool.pids;
  expect(before.length).toBeGreaterThan(1);
  await clock.advance(2 * SURPLUS_AFTER_MS);
  expect(pool.figures).toEqual({ busy: 0, idle: 1, starting: 0, waiting: 0 });
  await vi.waitFor(() => expect(before.filter(isRunning)).toEqual(pool.pids), { timeout: 5_000 });
  await call("d");
});
