import { AsyncResource } from "node:async_hooks";
import { BatchGraph, type BatchNode } from "../scheduling/batch-graph.ts";

/** How a batch carries its calls out. */
export interface BatchRunner<Call extends BatchNode, Result> {
  /** Starts a call whose parents have ended. Must not throw and not reject: an ending of any kind is a result. */
  run(call: Call, index: number): Promise<Result>;
  /** The result of a call that is not run because `failed`, which it comes after, did not succeed. */
  reject(call: Call, index: number, failed: Call): Result;
  succeeded(result: Result): boolean;
  /** By it a call is cancelled, also while it waits for its parents: then it is run at once, to end by it. */
  signalOf?(call: Call): AbortSignal | undefined;
}

/** A result as it ends. */
export interface BatchEntry<Result> {
  /** The call's place in the batch. */
  readonly index: number;
  readonly name: string | undefined;
  readonly result: Result;
}

/**
 * The calls of a batch under way. They all end, whether or not somebody looks: `results` has them in the batch's order, and
 * each `for await` goes over them as they end, from the first.
 */
export interface Batch<Result> extends AsyncIterable<BatchEntry<Result>> {
  readonly results: Promise<readonly Result[]>;
}

/**
 * Starts a batch. Nothing is started if it makes no sense.
 *
 * @throws TypeError as {@link BatchGraph} does
 */
export function startBatch<Call extends BatchNode, Result>(
  calls: readonly Call[],
  runner: BatchRunner<Call, Result>,
): Batch<Result> {
  const graph = new BatchGraph(calls);
  const ended: BatchEntry<Result>[] = [];
  const results: Result[] = new Array(calls.length);
  const all = Promise.withResolvers<readonly Result[]>();
  let more = Promise.withResolvers<void>();

  const callAt = (index: number): Call => calls[index] as Call;
  const add = (index: number, result: Result): void => {
    results[index] = result;
    ended.push(Object.freeze({ index, name: callAt(index).name, result }));
  };
  /** How to stop listening, for each call that waits and can be cancelled. */
  const listening = new Map<number, () => void>();
  const stopListening = (index: number): void => {
    listening.get(index)?.();
    listening.delete(index);
  };
  // What follows from a cancel belongs to the batch, not to whoever cancels.
  const leave = AsyncResource.bind((index: number): void => {
    if (graph.leave(index)) start([index]);
  });
  const listen = (index: number): void => {
    const signal = runner.signalOf?.(callAt(index));
    if (!signal || !graph.waits(index)) return;
    if (signal.aborted) return leave(index);
    const onAbort = (): void => leave(index);
    signal.addEventListener("abort", onAbort, { once: true });
    listening.set(index, () => signal.removeEventListener("abort", onAbort));
  };
  const start = (indices: readonly number[]): void => {
    for (const index of indices) {
      stopListening(index);
      const settle = (result: Result): void => {
        add(index, result);
        const released = graph.ended(index, runner.succeeded(result));
        for (const { index: child, failed } of released.rejected) {
          stopListening(child);
          add(child, runner.reject(callAt(child), child, callAt(failed)));
        }
        start(released.ready);
        announce();
      };
      runner.run(callAt(index), index).then(settle).catch(all.reject);
    }
  };
  const announce = (): void => {
    more.resolve();
    more = Promise.withResolvers();
    if (ended.length === calls.length) all.resolve(results);
  };

  start(graph.begin());
  for (const index of calls.keys()) listen(index);
  if (calls.length === 0) all.resolve(results);
  // Whoever only iterates must not meet an unhandled rejection for a promise nobody asked for.
  all.promise.catch(() => undefined);

  async function* iterate(): AsyncGenerator<BatchEntry<Result>> {
    for (let next = 0; next < calls.length; next++) {
      while (next >= ended.length) await Promise.race([more.promise, all.promise]);
      yield ended[next] as BatchEntry<Result>;
    }
  }
  return { results: all.promise, [Symbol.asyncIterator]: iterate };
}
