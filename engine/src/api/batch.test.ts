import { expect, it } from "vitest";
import { settlePromises } from "../../test/support/fake-clock.ts";
import { startBatch } from "./batch.ts";

interface Call {
  readonly name: string;
  readonly after?: readonly string[];
}

function batchOf(calls: readonly Call[]) {
  const running = new Map<string, (result: string) => void>();
  const batch = startBatch<Call, string>(calls, {
    run: ({ name }) => new Promise((resolve) => running.set(name, resolve)),
    reject: ({ name }, _index, failed) => `${name} rejected: ${failed.name} failed`,
    succeeded: (result) => !result.includes("failed"),
  });
  const end = async (name: string, result = name): Promise<void> => {
    running.get(name)?.(result);
    running.delete(name);
    await settlePromises();
  };
  return { batch, end, running };
}

const CALLS = [{ name: "a" }, { name: "b", after: ["a"] }, { name: "c" }, { name: "d", after: ["b", "c"] }] as const;

it("gives results as they end, to each reader from the first, and all in order at the end", async () => {
  const { batch, end, running } = batchOf(CALLS);
  const early: string[] = [];
  const reading = (async () => {
    for await (const { result } of batch) early.push(result);
  })();
  expect([...running.keys()]).toEqual(["a", "c"]);
  await end("c");
  expect(early).toEqual(["c"]);
  await end("a");
  await end("b");
  await end("d");
  await reading;
  expect(early).toEqual(["c", "a", "b", "d"]);
  expect(await batch.results).toEqual(["a", "b", "c", "d"]);
  const late: string[] = [];
  for await (const { name } of batch) late.push(name ?? "");
  expect(late).toEqual(early);
});

it("goes on to its end when a reader leaves", async () => {
  const { batch, end } = batchOf(CALLS);
  const leaving = (async () => {
    for await (const { name } of batch) return name;
    return undefined;
  })();
  await end("a");
  expect(await leaving).toBe("a");
  for (const name of ["b", "c", "d"]) await end(name);
  expect(await batch.results).toEqual(["a", "b", "c", "d"]);
});

it("has a result for each call that a failure keeps from running", async () => {
  const { batch, end } = batchOf(CALLS);
  await end("a", "a failed");
  await end("c");
  expect(await batch.results).toEqual(["a failed", "b rejected: a failed", "c", "d rejected: b failed"]);
});

it("starts nothing where the batch makes no sense, and an empty one has ended", async () => {
  const { batch } = batchOf([]);
  expect(await batch.results).toEqual([]);
  let started = 0;
  const run = () => {
    started++;
    return Promise.resolve("");
  };
  const runner = { run, reject: () => "", succeeded: () => true };
  expect(() => startBatch([{ name: "a" }, { name: "b", after: ["x"] }], runner)).toThrow(TypeError);
  expect(started).toBe(0);
});

it("ends with the error, for readers too, if carrying a call out throws: a defect is not swallowed", async () => {
  const broken = new Error("defect");
  const batch = startBatch([{ name: "a" }], {
    run: () => Promise.reject(broken),
    reject: () => "",
    succeeded: () => true,
  });
  await expect(batch.results).rejects.toBe(broken);
  await expect(batch[Symbol.asyncIterator]().next()).rejects.toBe(broken);
});
