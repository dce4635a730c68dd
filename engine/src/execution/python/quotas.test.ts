import { describe, expect, it } from "vitest";
import { NO_QUOTAS } from "../../policy/quota.ts";
import { excessBehind, withOwnLimits, workerLimits } from "./quotas.ts";

const quotas = { cpuMs: 1_000, memoryBytes: 100_000_000, processes: 4, outputBytes: 1_000 };

describe("a worker's own limits", () => {
  it("are wider than the quotas, so that what is sampled comes first", () => {
    expect(workerLimits(quotas)).toEqual({ outputBytes: 1_000, dataBytes: 656_000_000, cpuMs: 3_000 });
    expect(workerLimits(NO_QUOTAS)).toBeUndefined();
  });

  it("that ended a body are told as the quota they stand for, with the figure that was seen", () => {
    const killed = { type: "crashed", signal: "SIGXCPU", exitCode: null } as const;
    const watch = (usedCpuMs: number) => ({
      end: () => undefined,
      kernelExcess: () => undefined,
      usedCpuMs: () => usedCpuMs,
    });
    expect(excessBehind(killed, quotas, watch(3_010))).toEqual({ quota: "cpu", observed: 3_010, limit: 1_000 });
    expect(excessBehind(killed, quotas, watch(20))).toBeUndefined(); // it sent the signal to itself
    expect(excessBehind(killed, quotas, undefined)).toBeUndefined();
    expect(excessBehind({ type: "crashed", signal: "SIGSEGV", exitCode: null }, quotas, undefined)).toBeUndefined();
  });

  it("are named where memory was refused, and no figure is made up for it: a body can raise the error by itself", () => {
    const raised = (name: string, message = "") => ({ type: "raised", error: { name, message, stack: "" } }) as const;
    const limit = "with a memory limit of 100 MB, its worker is refused more than 656 MB";
    expect(excessBehind(raised("MemoryError"), quotas, undefined)).toBeUndefined();
    expect(withOwnLimits(raised("MemoryError"), quotas)).toMatchObject({ error: { message: limit } });
    expect(withOwnLimits(raised("_ArrayMemoryError", "no"), quotas)).toMatchObject({
      error: { message: `no (${limit})` },
    });
    expect(withOwnLimits(raised("MemoryError"), NO_QUOTAS)).toEqual(raised("MemoryError"));
    expect(withOwnLimits(raised("ValueError"), quotas)).toEqual(raised("ValueError"));
  });

  it("are not all: the kernel may have killed the worker, or a child whose end the body reports", () => {
    const memory = { quota: "memory", observed: 123_000_000, limit: 100_000_000 } as const;
    const watch = { end: () => undefined, kernelExcess: () => memory, usedCpuMs: () => 0 };
    expect(excessBehind({ type: "crashed", signal: "SIGKILL", exitCode: null }, quotas, watch)).toEqual(memory);
    const error = { name: "CalledProcessError", message: "died with SIGKILL", stack: "" };
    expect(excessBehind({ type: "raised", error }, quotas, watch)).toEqual(memory);
    expect(excessBehind({ type: "returned", digest: "", preview: "" }, quotas, watch)).toBeUndefined();
  });
});
