import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Engine } from "../src/api/engine.ts";
import { createEngine, type EngineEvent, type EngineOptions } from "../src/index.ts";
import { MEASURES } from "../src/telemetry/thresholds.ts";
import { FakeClock, settlePromises } from "./support/fake-clock.ts";

function makeEngine(options: EngineOptions = {}) {
  const clock = new FakeClock();
  const engine = new Engine(options, clock);
  const events: EngineEvent[] = [];
  const stop = engine.events.on((event) => events.push(event));
  return { clock, engine, events, stop };
}

const typesOf = (events: readonly EngineEvent[]): string[] =>
  events.map((event) => ("tool" in event ? `${event.type} ${event.tool}` : event.type));

const sleeping = (clock: FakeClock, ms: number) => () => new Promise<void>((done) => void clock.setTimer(ms, done));

describe("an engine's events", () => {
  it("tell each decision and each ending once, in the order in which they take effect", async () => {
    const { clock, engine, events } = makeEngine({ maxTotalConcurrent: 1 });
    engine.register({ name: "slow", run: sleeping(clock, 100), maxCalls: 2 });
    const run = engine.run();
    const calls = [1, 2, 3].map((n) => run.call("slow", { n }));
    await clock.advance(200);
    run.end("enough");
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(["succeeded", "succeeded", "rejected"]);
    expect(typesOf(events)).toEqual([
      "run-open",
      ...["call-admit slow", "attempt-start slow", "call-admit slow", "call-wait slow", "call-settle slow"],
      ...["call-settle slow", "attempt-start slow", "call-settle slow", "run-end"],
    ]);
    expect(events.at(4)).toMatchObject({ waiting: 1, runId: run.id });
    expect(events.at(5)).toMatchObject({ status: "rejected", code: "usage-limit", ranMs: null, attempts: 0 });
    expect(events.at(7)).toMatchObject({ attempt: 1, waitedMs: 100 });
    expect(events.at(8)).toMatchObject({ status: "succeeded", waitedMs: 100, ranMs: 100, attempts: 1 });
  });

  it("are there for whoever reads them in a loop, and for Node's diagnostics channel without an engine at hand", async () => {
    const { engine } = makeEngine();
    engine.register({ name: "quick", run: () => 1 });
    const published: string[] = [];
    const onPublished = (event: unknown): void => void published.push((event as EngineEvent).type);
    subscribe("endstop:event", onPublished);
    const read: string[] = [];
    const reading = (async () => {
      for await (const { type } of engine.events) {
        read.push(type);
        if (type === "call-settle") break;
      }
    })();
    await settlePromises();
    await engine.call("quick");
    await reading;
    unsubscribe("endstop:event", onPublished);
    expect(read).toEqual(["call-admit", "attempt-start", "call-settle"]);
    expect(published).toEqual(read);
    expect(engine.events.dropped).toBe(0);
  });

  it("have a page that names each of them, and no other", () => {
    const repository = join(import.meta.dirname, "..", "..");
    const source = readFileSync(join(repository, "engine/src/telemetry/engine-event.ts"), "utf8");
    const [page = "", pressure = ""] = readFileSync(join(repository, "docs/events.md"), "utf8").split("## Pressure");
    const names = (text: string) => [...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
    const types = [...source.matchAll(/readonly type: "([a-z-]+)"/g)].map(([, type]) => type).sort();
    expect(types.length).toBeGreaterThan(10);
    expect(names(page).sort()).toEqual(types);
    expect(names(pressure)).toEqual(MEASURES);
  });

  it("are not even made while nobody listens", async () => {
    const { engine, stop } = makeEngine();
    engine.register({ name: "quick", run: () => 1 });
    stop();
    const emit = vi.spyOn(engine.events, "emit");
    await engine.call("quick");
    expect(emit).not.toHaveBeenCalled();
    expect(engine.stats().total.calls).toBe(1);
  });

  it("tell the start of a worker, and its end with the reason", async () => {
    const engine = createEngine();
    onTestFinished(() => engine.close({ graceMs: 1 }));
    const events: EngineEvent[] = [];
    engine.events.on((event) => events.push(event));
    await engine.register(new URL("./support/tools/odd.ts", import.meta.url), { timeout: "300ms" });
    const { value: pid } = (await engine.call("odd", { do: "pid" })) as { value: number };
    expect((await engine.call("odd", { do: "wait" })).status).toBe("timed-out");
    await vi.waitFor(() => {
      const exits = events.filter(({ type }) => type === "worker-exit");
      expect(exits).toMatchObject([{ pid, reason: "deadline" }]);
    });
    expect(events.filter(({ type }) => type === "worker-start").length).toBeGreaterThanOrEqual(2);
    expect(engine.stats().memory.workersBytes).toBeGreaterThan(1_000_000);
  });
});

describe("an engine's stats", () => {
  it("count calls by outcome and tool, time their waits and bodies, and show permits in use", async () => {
    const { clock, engine } = makeEngine({ maxTotalConcurrent: 2, resources: { db: 2 } });
    engine.register({ name: "slow", run: sleeping(clock, 100), timeout: "1s", resources: ["db"] });
    engine.register({
      name: "broken",
      run: () => {
        throw new Error("no");
      },
    });
    const calls = [1, 2, 3, 4].map((n) => engine.call("slow", { n }));
    await clock.advance(50);
    expect(engine.stats()).toMatchObject({
      inFlight: 4,
      waiting: 2,
      permits: { engine: { limit: 2, inUse: 2 }, "resource db": { limit: 2, inUse: 2 } },
      workers: { busy: 0, idle: 0, starting: 0, waiting: 0 },
    });
    await clock.advance(150);
    await Promise.all([...calls, engine.call("broken"), engine.call("no such tool")]);
    const { total, tools, inFlight, waiting, permits, memory } = engine.stats();
    expect([inFlight, waiting, permits.engine]).toEqual([0, 0, { limit: 2, inUse: 0 }]);
    expect(total).toMatchObject({
      calls: 6,
      bodies: 5,
      byStatus: { succeeded: 4, failed: 1, rejected: 1 },
      byCode: { "tool-error": 1, "unknown-tool": 1 },
    });
    expect(tools.slow?.waitMs.max).toBe(100);
    expect(tools.slow?.runMs.p50).toBeGreaterThan(97);
    expect(tools.slow?.runMs.p50).toBeLessThan(103);
    expect(tools["no such tool"]).toBeUndefined();
    expect(memory.engineBytes).toBeGreaterThan(10_000_000);
  });
});
