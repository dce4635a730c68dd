/** What the machine and the engine looked like at one instant. */
export interface PressureSample {
  /** Memory that is not available, of the machine or of the cgroup, whichever is fuller; 0 to 1. */
  readonly memoryFraction: number;
  /** CPU time used since the sample before, of what the machine or the cgroup has; 0 to 1. */
  readonly cpuFraction: number;
  /** The longest that the engine's event loop was held up since the sample before. */
  readonly eventLoopDelayMs: number;
  /** Calls that wait for a permit or a worker. */
  readonly queueLength: number;
}
