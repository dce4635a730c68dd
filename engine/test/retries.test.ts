import { expect, it } from "vitest";
import { createEngine } from "../src/index.ts";

it("a read-only tool that raises is tried again, on the host and as a command, and one with effects is not", async () => {
  await using engine = createEngine({ maxAttempts: 3, retryDelay: "2ms" });
  let bodies = 0;
  const run = () => {
    bodies += 1;
    if (bodies < 3) throw new Error(`down ${bodies}`);
    return bodies;
  };
  engine.register({ name: "read", readOnly: true, run });
  engine.register({ name: "write", run });
  engine.register({ name: "probe", readOnly: true, command: ["false"] });
  expect(await engine.call("read")).toMatchObject({ status: "succeeded", value: 3, attempts: 3 });
  bodies = 0;
  expect(await engine.call("write")).toMatchObject({ status: "failed", attempts: 1 });
  expect(bodies).toBe(1);
  expect(await engine.call("probe")).toMatchObject({ status: "failed", attempts: 3 });
});

it("a tool that says once has one answer for calls at once, over its retries, in a run and outside of any", async () => {
  await using engine = createEngine({ maxAttempts: 3, retryDelay: "2ms" });
  let bodies = 0;
  const run = async () => {
    bodies += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (bodies < 3) throw new Error(`down ${bodies}`);
    return `receipt ${bodies}`;
  };
  engine.register({ name: "charge", idempotent: true, once: true, run });
  for (const door of [engine, engine.run()]) {
    bodies = 0;
    const outcomes = await Promise.all([1, 2, 3].map(() => door.call("charge", { amount: 5 })));
    const told = outcomes.map((outcome) => [outcome.status === "succeeded" && outcome.value, outcome.attempts]);
    expect(told).toEqual([
      ["receipt 3", 3],
      ["receipt 3", 0],
      ["receipt 3", 0],
    ]);
    expect(bodies).toBe(3);
  }
});
