import { NO_QUOTAS, type Quotas } from "../supervise/quota.ts";
import type { Policy } from "./options.generated.ts";

/** The quotas of a policy, as those who supervise processes read them. */
export function quotasOf(policy: Policy | undefined): Quotas {
  if (!policy) return NO_QUOTAS;
  const { cpuTimeMs, memoryBytes, maxProcesses, maxOutputBytes } = policy;
  return { cpuMs: cpuTimeMs, memoryBytes, processes: maxProcesses, outputBytes: maxOutputBytes };
}
