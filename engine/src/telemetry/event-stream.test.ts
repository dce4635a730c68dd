import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { expect, it } from "vitest";
import { settlePromises } from "../../test/support/fake-clock.ts";
import type { EngineEvent } from "./engine-event.ts";
import { EventStream } from "./event-stream.ts";

const event = (runId: string): EngineEvent => ({ type: "run-open", atMs: 0, runId });
const runOf = (its: EngineEvent): string => ("runId" in its && its.runId) || "";

it("tells listeners, readers and the diagnostics channel each event, frozen, in order", async () => {
  const stream = new EventStream();
  const [heard, read, published]: [string[], string[], string[]] = [[], [], []];
  const stop = stream.on((its) => heard.push(runOf(its)));
  const onPublished = (message: unknown): void => void published.push(runOf(message as EngineEvent));
  subscribe("endstop:event", onPublished);
  const reading = (async () => {
    for await (const its of stream) {
      read.push(runOf(its));
      expect(Object.isFrozen(its)).toBe(true);
      if (read.length === 3) break;
    }
  })();
  await settlePromises();
  for (const name of ["1", "2"]) stream.emit(event(name));
  await settlePromises();
  stop();
  stream.emit(event("3"));
  await reading;
  unsubscribe("endstop:event", onPublished);
  stream.emit(event("4"));
  expect([heard, read, published]).toEqual([
    ["1", "2"],
    ["1", "2", "3"],
    ["1", "2", "3"],
  ]);
});

it("goes on when a listener throws, and does not swallow its error", async () => {
  const stream = new EventStream();
  const heard: string[] = [];
  const broken = new Error("listener");
  stream.on(() => {
    throw broken;
  });
  stream.on((its) => heard.push(runOf(its)));
  const before = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const uncaught = new Promise((resolve) => process.once("uncaughtException", resolve));
  stream.emit(event("1"));
  expect(await uncaught).toBe(broken);
  for (const listener of before) process.on("uncaughtException", listener);
  expect(heard).toEqual(["1"]);
});

it("drops the oldest events of a reader that does not keep up, and counts them", async () => {
  const stream = new EventStream();
  const reader = stream[Symbol.asyncIterator]();
  const first = reader.next();
  for (let index = 0; index < 15_000; index++) stream.emit(event(`${index}`));
  expect(runOf((await first).value as EngineEvent)).toBe("0");
  expect(runOf((await reader.next()).value as EngineEvent)).toBe("5001");
  expect(stream.dropped).toBe(5_000);
  await reader.return?.(undefined);
});

it("ends every reader when it is closed, after what it is behind, also one that reads later", async () => {
  const stream = new EventStream();
  const reader = stream[Symbol.asyncIterator]();
  const [first, second] = [reader.next(), reader.next()];
  stream.emit(event("1"));
  const slow = stream[Symbol.asyncIterator]();
  const slowFirst = slow.next();
  for (const name of ["2", "3"]) stream.emit(event(name));
  stream.close();
  expect(
    [await first, await second, await reader.next(), await reader.next()].map(
      ({ value, done }) => done || runOf(value as EngineEvent),
    ),
  ).toEqual(["1", "2", "3", true]);
  expect([await slowFirst, await slow.next(), await slow.next()].map(({ done }) => done)).toEqual([false, false, true]);
  for await (const _ of stream) expect.unreachable();
  expect(stream.hasListeners).toBe(false);
});

it("lets a reader go that waits for an event", async () => {
  const stream = new EventStream();
  const reader = stream[Symbol.asyncIterator]();
  const waiting = reader.next();
  await reader.return?.();
  expect([(await waiting).done, stream.hasListeners]).toEqual([true, false]);
});

it("runs a listener in the asynchronous context of whoever added it", () => {
  const stream = new EventStream();
  const who = new AsyncLocalStorage<string>();
  const heard: unknown[] = [];
  const stop = who.run("listener", () => stream.on(() => heard.push(who.getStore())));
  who.run("emitter", () => stream.emit(event("1")));
  stop();
  expect(heard).toEqual(["listener"]);
});
