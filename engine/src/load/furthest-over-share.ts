/** A running call whose process can be killed, and what it uses. */
export interface RunningCall {
  readonly callId: string;
  readonly memoryBytes: number;
  /** What it may use: its quota, else an equal part of what all such calls may use together. */
  readonly shareBytes: number;
}

/**
 * The call whose end gives back most memory that it had no claim to, or undefined if each is within its share: then it
 * is not the calls that fill the machine, and killing one would help nobody.
 */
export function furthestOverShare<Running extends RunningCall>(calls: readonly Running[]): Running | undefined {
  const over = ({ memoryBytes, shareBytes }: RunningCall): number => memoryBytes - shareBytes;
  let furthest: Running | undefined;
  for (const call of calls) if (over(call) > (furthest ? over(furthest) : 0)) furthest = call;
  return furthest;
}

/** An equal part for each running call of what the machine or cgroup has for all of them. */
export function equalShareBytes(limitBytes: number, runningCalls: number): number {
  return limitBytes / Math.max(1, runningCalls);
}
