import { describe, expect, it } from "vitest";
import { NO_QUOTAS } from "../../supervise/quota.ts";
import { excessBehind, workerLimits } from "./quotas.ts";

const quotas = { cpuMs: 1_000, memoryBytes: 100_000_000, processes: 4, outputBytes: 1_000 };

describe("a worker's own limits", () => {
  it("are wider than the quotas, so that what is sampled comes first", () => {
    expect(workerLimits(quotas)).toEqual({ outputBytes: 1_000, dataBytes: 656_000_000, cpuMs: 3_000 });
    expect(workerLimits(NO_QUOTAS)).toBeUndefined();
  });

  it("that ended a body are told as the quota they stand for", () => {
    const raised = (name: string) => ({ type: "raised", error: { name, message: "", stack: "" } }) as const;
    const memory = { quota: "memory", observed: 656_000_000, limit: 100_000_000 };
    expect(excessBehind(raised("MemoryError"), quotas)).toEqual(memory);
    expect(excessBehind(raised("_ArrayMemoryError"), quotas)).toEqual(memory);
    expect(excessBehind(raised("ValueError"), quotas)).toBeUndefined();
    expect(excessBehind(raised("MemoryError"), NO_QUOTAS)).toBeUndefined();
    expect(excessBehind({ type: "crashed", signal: "SIGXCPU", exitCode: null }, quotas)).toEqual({
      quota: "cpu",
      observed: 3_000,
      limit: 1_000,
    });
    expect(excessBehind({ type: "crashed", signal: "SIGSEGV", exitCode: null }, quotas)).toBeUndefined();
  });
});
