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
    expect(excessBehind(raised("MemoryError"), quotas, undefined)).toEqual(memory);
    expect(excessBehind(raised("_ArrayMemoryError"), quotas, undefined)).toEqual(memory);
    expect(excessBehind(raised("ValueError"), quotas, undefined)).toBeUndefined();
    expect(excessBehind(raised("MemoryError"), NO_QUOTAS, undefined)).toBeUndefined();
    expect(excessBehind({ type: "crashed", signal: "SIGXCPU", exitCode: null }, quotas, undefined)).toEqual({
      quota: "cpu",
      observed: 3_000,
      limit: 1_000,
    });
    expect(excessBehind({ type: "crashed", signal: "SIGSEGV", exitCode: null }, quotas, undefined)).toBeUndefined();
  });

  it("are not all: the kernel may have killed the worker, or a child whose end the body reports", () => {
    const memory = { quota: "memory", observed: 123_000_000, limit: 100_000_000 } as const;
    const watch = { end: () => undefined, kernelExcess: () => memory };
    expect(excessBehind({ type: "crashed", signal: "SIGKILL", exitCode: null }, quotas, watch)).toEqual(memory);
    const error = { name: "CalledProcessError", message: "died with SIGKILL", stack: "" };
    expect(excessBehind({ type: "raised", error }, quotas, watch)).toEqual(memory);
    expect(excessBehind({ type: "returned", digest: "", preview: "" }, quotas, watch)).toBeUndefined();
  });
});
