import type { Policy } from "./options.generated.ts";
import { NO_QUOTAS, type Quotas } from "./quota.ts";

/** The quotas of a policy, as those who supervise processes read them. */
export function quotasOf(policy: Policy | undefined): Quotas {
  if (!policy) return NO_QUOTAS;
  const { cpuTimeMs, memoryBytes, maxProcesses, maxOutputBytes } = policy;
  return { cpuMs: cpuTimeMs, memoryBytes, processes: maxProcesses, outputBytes: maxOutputBytes };
}
