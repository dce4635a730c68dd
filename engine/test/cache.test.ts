import { expect, it } from "vitest";
import { createEngine, type Engine } from "../src/index.ts";

const valueIn = async (outcome: ReturnType<Engine["call"]>) => {
  const settled = await outcome;
  return settled.status === "succeeded" ? settled.value : settled.failure.code;
};

it("answers with values that the caller may change, and leaves the first one as it is", async () => {
  await using engine = createEngine();
  let bodies = 0;
  const first = { rows: [new Map([["a", 1n]])] };
  engine.register({
    name: "read",
    cache: true,
    run: () => {
      bodies++;
      return first;
    },
  });
  expect(await valueIn(engine.call("read", { q: 1 }))).toBe(first);
  const second = (await valueIn(engine.run().call("read", { q: 1 }))) as typeof first;
  second.rows.push(new Map());
  const third = await engine.call("read", { q: 1 });
  expect(third).toMatchObject({ status: "succeeded", attempts: 0 });
  expect(third.status === "succeeded" && third.value).toEqual({ rows: [new Map([["a", 1n]])] });
  expect(first.rows).toHaveLength(1);
  expect(bodies).toBe(1);
});

it("has 100 identical calls share one body, and none of them fails where the one that ran it is aborted", async () => {
  await using engine = createEngine();
  let bodies = 0;
  const begun: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()];
  const release = Promise.withResolvers<string>();
  engine.register({
    name: "read",
    cache: true,
    readOnly: true,
    run: () => {
      begun[bodies++]?.resolve();
      return release.promise;
    },
  });
  const leader = new AbortController();
  const calls = Array.from({ length: 100 }, (_, index) =>
    valueIn(engine.call("read", {}, index === 0 ? { signal: leader.signal } : {})),
  );
  await begun[0]?.promise;
  expect(bodies).toBe(1);
  leader.abort();
  expect(await calls[0]).toBe("cancelled");
  await begun[1]?.promise;
  release.resolve("x");
  expect(await Promise.all(calls.slice(1))).toEqual(Array.from({ length: 99 }, () => "x"));
  expect(bodies).toBe(2);
});

it("keeps what a worker's module and a command give", async () => {
  await using engine = createEngine();
  engine.register({ name: "now", cache: true, command: ["date", "+%s%N"] });
  const [first, second] = [await engine.call("now"), await engine.call("now")];
  expect([first.attempts, second.attempts]).toEqual([1, 0]);
  expect(second).toMatchObject({ status: "succeeded", value: first.status === "succeeded" && first.value });
});
