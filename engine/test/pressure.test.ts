import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Engine } from "../src/api/engine.ts";
import type { EngineEvent, EngineOptions } from "../src/index.ts";
import type { MachineFigures } from "../src/load/machine.ts";
import { systemClock } from "../src/util/system-clock.ts";
import { FakeClock, settlePromises } from "./support/fake-clock.ts";
import { isRunning } from "./support/processes.ts";

/** An engine on a machine whose memory fills up as the test says. */
function makeEngine<Its extends FakeClock | typeof systemClock>(clock: Its, options: EngineOptions = {}) {
  const machine = { memoryFraction: 0.3, memoryLimitBytes: 50_000_000, cpuUsedMs: 0, cpuCount: 2 };
  const engine = new Engine(options, clock, (): MachineFigures => ({ ...machine }));
  const events: EngineEvent[] = [];
  engine.events.on((event) => events.push(event));
  const told = () =>
    events.flatMap((event) => {
      if (event.type === "concurrency-change") return [`${event.maxConcurrent} at once`];
      return event.type.startsWith("pressure") && "measure" in event ? [`${event.type} ${event.measure}`] : [];
    });
  return { clock, machine, engine, events, told };
}

const never = () => new Promise<never>(() => {});

describe("an engine on a machine whose memory runs short", () => {
  it("does nothing while the machine is healthy, however long", async () => {
    const { clock, engine, told } = makeEngine(new FakeClock());
    engine.register({ name: "hang", timeout: null, run: never });
    void engine.call("hang");
    await clock.advance(60_000);
    expect([told(), engine.stats().pressure]).toEqual([[], []]);
    engine.destroy();
  });

  it("lowers its concurrency step by step, never below four, lets running calls be, and returns by itself", async () => {
    const { clock, machine, engine, told } = makeEngine(new FakeClock(), { maxTotalConcurrent: 32 });
    let running = 0;
    engine.register({
      name: "slow",
      timeout: null,
      run: async () => {
        running++;
        await new Promise<void>((done) => void clock.setTimer(300, done));
        running--;
      },
    });
    const calls = Array.from({ length: 300 }, (_, n) => engine.call("slow", { n }));
    await settlePromises();
    expect(running).toBe(32);
    machine.memoryFraction = 0.91;
    const running_at: number[] = [];
    for (let second = 0; second < 5; second++) {
      await clock.advance(1_000);
      running_at.push(running);
    }
    machine.memoryFraction = 0.3;
    await clock.advance(20_000);
    expect(running_at.slice(1)).toEqual([8, 4, 4, 4]);
    expect((await Promise.all(calls)).every(({ status }) => status === "succeeded")).toBe(true);
    expect(told().filter((its) => !its.startsWith("pressure"))).toEqual(
      expect.arrayContaining(["16 at once", "8 at once", "4 at once", "32 at once"]),
    );
    expect(told().filter((its) => its.startsWith("pressure"))).toEqual([
      "pressure-rise shrink-reserve",
      "pressure-rise lower-concurrency",
      "pressure-fall shrink-reserve",
      "pressure-fall lower-concurrency",
    ]);
    expect(engine.stats().permits.engine).toEqual({ limit: 32, inUse: 0 });
  });

  it("lowers an engine without a limit from what runs at that time, and gives it back", async () => {
    const { clock, machine, engine, told } = makeEngine(new FakeClock());
    engine.register({ name: "hang", timeout: null, run: never });
    for (let n = 0; n < 20; n++) void engine.call("hang", { n });
    machine.memoryFraction = 0.91;
    await clock.advance(500);
    expect(told().at(-1)).toBe("10 at once");
    expect(engine.stats().pressure).toEqual(["shrink-reserve", "lower-concurrency"]);
    machine.memoryFraction = 0.3;
    await clock.advance(30_000);
    expect(told().at(-1)).toBe("null at once");
    engine.destroy();
  });

  it("does not stay with a fraction of one call, if it had no more to do when memory ran short", async () => {
    const { clock, machine, engine } = makeEngine(new FakeClock());
    const running = () => engine.stats().permits.engine?.inUse;
    engine.register({ name: "quick", run: () => 1 });
    engine.register({ name: "hang", timeout: null, waitTimeout: null, run: never });
    machine.memoryFraction = 0.91;
    await engine.call("quick");
    for (let n = 0; n < 100; n++) void engine.call("hang", { n });
    expect(running()).toBe(50);
    await clock.advance(500);
    for (let n = 0; n < 100; n++) void engine.call("hang", { n });
    expect(running()).toBe(100);
    machine.memoryFraction = 0.3;
    await clock.advance(30_000);
    expect(running()).toBe(200);
    engine.destroy();
  });

  it("lowers for a busy processor only what is configured: a neighbour's work does not slow calls that wait", async () => {
    for (const [maxTotalConcurrent, lowered] of [
      [null, null],
      [400, 100],
    ] as const) {
      const { clock, machine, engine } = makeEngine(new FakeClock(), { maxTotalConcurrent });
      engine.register({ name: "hang", timeout: null, waitTimeout: null, run: never });
      for (let n = 0; n < 20; n++) void engine.call("hang", { n });
      for (let look = 0; look < 80; look++) {
        machine.cpuUsedMs += 1_000;
        await clock.advance(500);
      }
      expect(engine.stats()).toMatchObject({
        pressure: ["lower-concurrency"],
        permits: { engine: { limit: lowered } },
      });
      engine.destroy();
    }
  });

  it("rejects new calls as overloaded with a hint, and takes them again although none was in flight meanwhile", async () => {
    const { clock, machine, engine } = makeEngine(new FakeClock());
    engine.register({ name: "quick", run: () => 1 });
    machine.memoryFraction = 0.96;
    await engine.call("quick"); // the first look is at its admission
    const rejected = await engine.call("quick");
    expect(rejected).toMatchObject({ status: "rejected", failure: { code: "overloaded", retryAfterMs: 5_000 } });
    expect(rejected.status !== "succeeded" && rejected.failure.message).toContain("in 5 s");
    machine.memoryFraction = 0.3;
    await clock.advance(6_000);
    expect((await engine.call("quick")).status).toBe("succeeded");
  });

  it("kills a running call only when memory is about to run out, and then the one furthest over its share", async () => {
    const { machine, engine, events } = makeEngine(systemClock);
    onTestFinished(() => engine.close({ graceMs: 1 }));
    await engine.register(new URL("./support/tools/odd.ts", import.meta.url));
    engine.register({ name: "hang", timeout: "30s", run: never });
    const onHost = engine.call("hang");
    const [small, large] = [engine.call("odd", { do: "wait" }), engine.call("odd", { do: "hold", megabytes: 150 })];
    await vi.waitFor(() => expect(engine.stats().memory.workersBytes).toBeGreaterThan(200_000_000), {
      timeout: 10_000,
    });
    machine.memoryFraction = 0.97;
    await vi.waitFor(() => expect(engine.stats().pressure).toContain("reject-calls"), { timeout: 5_000 });
    expect(engine.stats().inFlight).toBe(3);
    machine.memoryFraction = 0.985;
    expect(await large).toMatchObject({ status: "killed", attempts: 1, failure: { code: "memory-pressure" } });
    machine.memoryFraction = 0.3;
    expect(engine.stats().inFlight).toBe(2);
    const exits = () => events.filter((event) => event.type === "worker-exit" && event.reason === "pressure");
    await vi.waitFor(() => expect(exits().length).toBeGreaterThan(0), { timeout: 5_000 });
    for (const exit of exits()) expect("pid" in exit && isRunning(exit.pid)).toBe(false);
    engine.destroy();
    expect((await Promise.all([small, onHost])).map(({ status }) => status)).toEqual(["cancelled", "cancelled"]);
  });

  it("keeps no warm worker, and ends the largest idle one", async () => {
    const { machine, engine, events } = makeEngine(systemClock);
    onTestFinished(() => engine.close({ graceMs: 1 }));
    await engine.register(new URL("./support/tools/odd.ts", import.meta.url));
    engine.register({ name: "hang", timeout: "30s", run: never });
    expect((await engine.call("odd", { do: "pid" })).status).toBe("succeeded");
    void engine.call("hang");
    machine.memoryFraction = 0.86;
    const exits = () => events.filter((event) => event.type === "worker-exit");
    await vi.waitFor(() => expect(exits().length).toBeGreaterThan(0), { timeout: 5_000 });
    for (const exit of exits()) expect(exit).toMatchObject({ reason: "pressure" });
    expect(engine.stats().workers).toMatchObject({ idle: 0, starting: 0 });
    expect((await engine.call("odd", { do: "pid" })).status).toBe("succeeded"); // one is started for it
    machine.memoryFraction = 0.3;
    await vi.waitFor(() => expect(engine.stats().pressure).toEqual([]), { timeout: 10_000 });
    await vi.waitFor(() => expect(engine.stats().workers.idle).toBe(1), { timeout: 5_000 });
  });
});
