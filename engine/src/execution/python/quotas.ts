import type { Ending, Excess } from "../../call/ending.ts";
import { judgeOutput, type Quotas } from "../../policy/quota.ts";
import { kernelExcessBehind, type Watch } from "../../processes/quota-watch.ts";
import { formatBytes } from "../../util/duration.ts";
import type { WorkerLimits } from "./messages.ts";

/**
 * The worker's own limits are a second net, and wide: address space that is reserved and never touched must not end a call
 * that is inside its quota, and what is sampled names the call's real figure.
 */
const DATA_FACTOR = 4;
const DATA_SLACK_BYTES = 256_000_000;
const CPU_SLACK_MS = 2_000;

/** What a worker is told to hold by itself; undefined if there is nothing. */
export function workerLimits({ cpuMs, memoryBytes, outputBytes }: Quotas): WorkerLimits | undefined {
  if (cpuMs === null && memoryBytes === null && outputBytes === null) return undefined;
  return {
    outputBytes,
    dataBytes: memoryBytes === null ? null : DATA_FACTOR * memoryBytes + DATA_SLACK_BYTES,
    cpuMs: cpuMs === null ? null : cpuMs + CPU_SLACK_MS,
  };
}

/** The quota that stands behind an ending which the worker's own limits, or the kernel's, brought about: with a figure that was seen. */
export function excessBehind(ending: Ending, quotas: Quotas, watch: Watch | undefined): Excess | undefined {
  if (ending.type === "too-large" && ending.part === "result") return judgeOutput(quotas, ending.observedBytes);
  if (ending.type === "crashed" && ending.signal === "SIGXCPU" && quotas.cpuMs !== null) {
    const observed = watch?.usedCpuMs() ?? 0;
    return observed > quotas.cpuMs ? { quota: "cpu", observed, limit: quotas.cpuMs } : undefined;
  }
  return kernelExcessBehind(ending, watch);
}

/** Memory that was refused was not used, and a body can raise the error by itself. So it is told as an error, with what may stand behind it. */
export function withOwnLimits(ending: Ending, quotas: Quotas): Ending {
  if (ending.type !== "raised" || !ending.error.name.endsWith("MemoryError")) return ending;
  const dataBytes = workerLimits(quotas)?.dataBytes;
  if (dataBytes === undefined || dataBytes === null || quotas.memoryBytes === null) return ending;
  const { message } = ending.error;
  const limit = `with a memory limit of ${formatBytes(quotas.memoryBytes)}, its worker is refused more than ${formatBytes(dataBytes)}`;
  return { ...ending, error: { ...ending.error, message: message === "" ? limit : `${message} (${limit})` } };
}
