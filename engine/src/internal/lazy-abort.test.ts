import { expect, it } from "vitest";
import { LazyAbort } from "./lazy-abort.ts";

it("aborts a signal that was asked for before and one that is asked for after, with the first reason", () => {
  const late = new LazyAbort();
  late.abort("first");
  late.abort("second");
  expect([late.signal.aborted, late.signal.reason, late.reason]).toEqual([true, "first", "first"]);
  const early = new LazyAbort();
  const { signal } = early;
  let told = 0;
  signal.addEventListener("abort", () => told++);
  expect([signal.aborted, early.reason]).toEqual([false, undefined]);
  early.abort("first");
  early.abort("second");
  expect([told, signal.reason, early.signal]).toEqual([1, "first", signal]);
});
