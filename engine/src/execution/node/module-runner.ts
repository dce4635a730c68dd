import { serialize } from "node:v8";
import { failureOutcome } from "../../call/describe.ts";
import { asThrown, errorInfo, withoutStop } from "../../call/error-info.ts";
import type { Outcome } from "../../call/outcome.ts";
import type { BodyCall, BodyRunner } from "../body.ts";
import { cloneToBytes, fromBytes } from "../movable.ts";
import { MAX_VALUE_BYTES } from "./messages.ts";
import type { NodePool } from "./pool.ts";

/** Runs the tool of a module in a Node worker. Inputs and results are structured clones: class instances arrive as plain objects. */
export class ModuleRunner implements BodyRunner {
  readonly canKill = true;
  readonly #module: string;
  readonly #pool: NodePool;

  constructor(module: string, pool: NodePool) {
    this.#module = module;
    this.#pool = pool;
  }

  begin(call: BodyCall): void {
    const { callId, path, quotas, signal } = call;
    let input: Uint8Array;
    try {
      input = cloneToBytes(call.input, "input");
    } catch (error) {
      const detail = `its input cannot be cloned: ${withoutStop(error)}`;
      return call.ended({ type: "cannot-move", detail, started: false });
    }
    if (input.length > MAX_VALUE_BYTES) {
      const figures = { observedBytes: input.length, limitBytes: MAX_VALUE_BYTES };
      return call.ended({ type: "too-large", part: "input", ...figures, started: false });
    }
    const nestedCalls = new Map<number, AbortController>();
    signal.addEventListener("abort", () => this.#pool.cancel(callId, signal.reason));
    this.#pool.run({
      callId,
      path,
      module: this.#module,
      input,
      quotas,
      waitMs: call.waitMs(),
      timeoutMs: () => call.timeoutMs(),
      waits: () => call.waits(),
      start: () => call.start(),
      ended: (ending, value) => {
        if (ending.type !== "returned" || value === undefined) return call.ended(ending);
        let result: unknown;
        try {
          result = fromBytes(value);
        } catch (error) {
          const detail = `its result cannot be read: ${withoutStop(error)}`;
          return call.ended({ type: "cannot-move", detail, started: true });
        }
        call.ended(ending, result);
      },
      nested: async ({ nested, tool, input: bytes, options }, worker) => {
        const own = new AbortController();
        nestedCalls.set(nested, own);
        try {
          const signal = own.signal;
          const outcome = await call.inCallersContext(() =>
            call.enter(() => call.callNested(tool, fromBytes(bytes), { ...options, signal })),
          );
          worker.send({ type: "nested-outcome", nested }, cloneOutcome(outcome));
        } catch (error) {
          worker.send({ type: "nested-refused", nested, error: errorInfo(error) });
        } finally {
          nestedCalls.delete(nested);
        }
      },
      cancelNested: (nested, reason) => nestedCalls.get(nested)?.abort(asThrown(reason)),
    });
  }
}

/** The outcome of a call that a worker's body made. A value that cannot go there becomes a failure that says so. */
function cloneOutcome(outcome: Outcome): Uint8Array {
  try {
    return cloneToBytes(outcome, "outcome");
  } catch (error) {
    const { callId, tool, path, elapsedMs, attempts, placement, notice } = outcome;
    const detail = `its result cannot be cloned: ${withoutStop(error)}`;
    const facts = { callId, tool, path, elapsedMs, attempts };
    return serialize(failureOutcome("cannot-move", facts, placement, { detail }, { notice }));
  }
}
