const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** How long a worker or an import that has failed so often in a row is not tried again. */
export function backoffMs(failures: number, firstMs = FIRST_MS, longestMs = LONGEST_MS): number {
  return failures === 0 ? 0 : Math.min(longestMs, firstMs * 2 ** (failures - 1));
}
