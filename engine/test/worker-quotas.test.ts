import { expect, it, onTestFinished } from "vitest";
import type { Ending } from "../src/call/ending.ts";
import type { BodyRunner } from "../src/execution/body.ts";
import { WorkerPlacements } from "../src/execution/worker-placements.ts";
import { NO_QUOTAS, type Quotas } from "../src/policy/quota.ts";
import { EventStream } from "../src/telemetry/event-stream.ts";
import { compileCommand } from "../src/tool/command-options.ts";
import { systemClock } from "../src/util/system-clock.ts";

const odd = new URL("./support/tools/odd.ts", import.meta.url);

function makePlacements(): WorkerPlacements {
  const placements = new WorkerPlacements(systemClock, new EventStream(), "stderr");
  onTestFinished(() => placements.close());
  return placements;
}

/** How a body ends under these quotas. */
function endingOf(runner: BodyRunner, input: unknown, quotas: Partial<Quotas>): Promise<Ending> {
  return new Promise((resolve) =>
    runner.begin({
      callId: `call-${JSON.stringify(input)}`,
      path: ["odd"],
      waitMs: () => null,
      timeoutMs: () => 15_000,
      waits: () => {},
      quotas: { ...NO_QUOTAS, ...quotas },
      input,
      signal: new AbortController().signal,
      abort: () => {},
      inCallersContext: (body) => body(),
      start: () => true,
      ended: resolve,
      enter: (body) => body(),
      callNested: () => Promise.reject(new Error("no calls here")),
    }),
  );
}

it.each<[string, object, Partial<Quotas>]>([
  ["memory", { do: "buffers", megabytes: 1_000 }, { memoryBytes: 200_000_000 }],
  ["cpu", { do: "compute" }, { cpuMs: 300 }],
  ["output", { do: "text", megabytes: 3 }, { outputBytes: 1_000_000 }],
])("a Node worker ends over its %s quota, Buffers counted, and the next call works", async (quota, input, quotas) => {
  const placements = makePlacements();
  await placements.load(odd);
  const runner = placements.module(odd);
  const ending = await endingOf(runner, input, quotas);
  expect(ending).toMatchObject({ type: "over-quota", quota });
  expect("observed" in ending && ending.observed > ending.limit).toBe(true);
  expect(await endingOf(runner, { do: "pid" }, quotas)).toMatchObject({ type: "returned" });
});

it.each<[string, string, Partial<Quotas>]>([
  ["processes", "for i in 1 2 3 4 5; do sleep 20 & done; wait", { processes: 3 }],
  ["cpu", "(while :; do :; done) & wait", { cpuMs: 300 }],
  ["output", "head -c 3000000 /dev/zero; sleep 20", { outputBytes: 1_000_000 }],
])("a command ends over its %s quota, what it started counted", async (quota, script, quotas) => {
  const runner = makePlacements().command(compileCommand({ command: ["sh", "-c", script] }, "run"));
  expect(await endingOf(runner, undefined, quotas)).toMatchObject({ type: "over-quota", quota });
});
