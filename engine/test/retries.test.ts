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
