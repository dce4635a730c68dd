import { types } from "node:util";
import { heed } from "../call/heed.ts";

/** So long a generator that never waits may keep the event loop, on which its deadline depends. */
const MAX_TURN_MS = 10;

/** Whether a body's result is a generator: a body that was written as `*run` or `async *run`. */
export function isGenerator(result: unknown): result is Generator | AsyncGenerator {
  try {
    if (types.isGeneratorObject(result)) return true;
    // A compiler writes an asynchronous generator for old targets as a plain object.
    if (typeof result !== "object" || result === null || !(Symbol.asyncIterator in result)) return false;
    return typeof (result as Partial<AsyncGenerator>).next === "function" && "throw" in result;
  } catch {
    return false; // a proxy that throws
  }
}

/** Runs a generator to its end. @returns what it returns, else what it yielded last. Rejects with what it throws; the signal ends it at its next `yield` */
export async function lastOf(generator: Generator | AsyncGenerator, signal: AbortSignal): Promise<unknown> {
  let last: unknown;
  let turnSinceMs = performance.now();
  for (;;) {
    const { done, value } = await generator.next();
    if (done) return value === undefined ? last : value;
    last = value;
    heed(value); // the next takes its place
    if (performance.now() - turnSinceMs > MAX_TURN_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      turnSinceMs = performance.now();
    }
    if (signal.aborted) {
      await generator.return(undefined);
      return last;
    }
  }
}
