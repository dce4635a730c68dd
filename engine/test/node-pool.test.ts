import { serialize } from "node:v8";
import { expect, it, onTestFinished, vi } from "vitest";
import { fromBytes } from "../src/execution/movable.ts";
import { NodePool } from "../src/execution/node/pool.ts";
import { SURPLUS_AFTER_MS } from "../src/execution/surplus.ts";
import { NO_QUOTAS } from "../src/policy/quota.ts";
import { OwnedProcesses } from "../src/processes/owned-processes.ts";
import { QuotaWatch } from "../src/processes/quota-watch.ts";
import { EventStream } from "../src/telemetry/event-stream.ts";
import { FakeClock } from "./support/fake-clock.ts";
import { isRunning } from "./support/processes.ts";

async function makePool(module = new URL("./support/tools/odd.ts", import.meta.url).href) {
  const clock = new FakeClock();
  const processes = new OwnedProcesses(clock);
  const pool = new NodePool(processes, clock, new QuotaWatch(clock), new EventStream(), "stderr");
  onTestFinished(() => {
    pool.close();
    processes.destroy();
  });
  await pool.load(module);
  let calls = 0;
  const call = (input: object, of = module): Promise<unknown> =>
    new Promise((resolve) =>
      pool.run({
        callId: `call ${++calls}`,
        path: ["odd"],
        module: of,
        input: serialize(input),
        waitMs: null,
        timeoutMs: () => null,
        waits: () => {},
        quotas: NO_QUOTAS,
        start: () => true,
        ended: (ending, value) => resolve(value ? fromBytes(value) : ending),
        nested: () => Promise.reject(new Error("it makes no call")),
        cancelNested: () => {},
      }),
    );
  return { clock, pool, call };
}

it("lets a worker that has been busy for long alone when another module is registered, and its death settles its call", async () => {
  const module = (name: string): string => new URL(`./support/tools/moody.ts?name=${name}`, import.meta.url).href;
  const { clock, pool, call } = await makePool(module("first"));
  const pid = await call({ do: "pid" });
  const spinning = call({ do: "spin", forMs: 3_000 });
  await pool.load(module("second"));
  await clock.advance(60_000);
  expect(pool.pids).toContain(pid);
  expect(await call({ do: "pid" }, module("second"))).not.toBe(pid);
  expect(await spinning).toBe(pid);
  expect(await call({ do: "die" })).toMatchObject({ type: "crashed", signal: "SIGKILL" });
}, 20_000);

it("ends the workers that no call has needed for a minute, but for the reserve", async () => {
  const { clock, pool, call } = await makePool();
  await Promise.all([1, 2, 3].map(() => call({ do: "pid" })));
  await vi.waitFor(() => expect(pool.figures).toMatchObject({ starting: 0, busy: 0 }), { timeout: 10_000 });
  const before = pool.pids;
  expect(before.length).toBeGreaterThan(1);
  await clock.advance(2 * SURPLUS_AFTER_MS);
  expect(pool.figures).toEqual({ busy: 0, idle: 1, starting: 0, waiting: 0 });
  await vi.waitFor(() => expect(before.filter(isRunning)).toEqual(pool.pids), { timeout: 5_000 });
  expect(await call({ do: "pid" })).toBe(pool.pids[0]);
});

it("replaces a worker that has grown by what its calls left there", async () => {
  const { pool, call } = await makePool();
  const first = (await call({ do: "pid" })) as number;
  expect(await call({ do: "leak", megabytes: 300 })).toBe(first);
  const pids = new Set<unknown>();
  for (let n = 0; n < 100; n += 1) pids.add(await call({ do: "pid" }));
  expect(pids).toContain(first);
  expect(pool.pids).not.toContain(first);
  expect(await call({ do: "pid" })).not.toBe(first);
});
