import { expect, it } from "vitest";
import { createEngine } from "../src/index.ts";

it("a call that is repeated by name runs once, in its run or outside, and the model that asks again runs again", async () => {
  await using engine = createEngine();
  let bodies = 0;
  engine.register({ name: "pay", run: () => ({ receipt: ++bodies }) });
  const run = engine.run();
  for (const [make, options] of [
    [run, { idempotencyKey: "order" }],
    [run, { requestId: "call-1" }],
    [engine, { idempotencyKey: "order" }],
  ] as const) {
    const outcomes = [];
    for (let call = 0; call < 3; call += 1) outcomes.push(await make.call("pay", { sum: 1 }, options));
    expect(outcomes.map(({ attempts }) => attempts)).toEqual([1, 0, 0]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ value: { receipt: bodies } });
  }
  expect(bodies).toBe(3);
  expect(await run.call("pay", { sum: 1 }, { requestId: "call-2" })).toMatchObject({ value: { receipt: 4 } });
  const taken = await run.call("pay", { sum: 2 }, { idempotencyKey: "order" });
  expect(taken).toMatchObject({ status: "rejected", failure: { code: "key-reused" } });
  await expect(run.call("pay", {}, { idempotencyKey: "" })).rejects.toThrow("call idempotencyKey must not be empty");
});
