/** Long enough for the other side to answer, too short to be seen as load. */
const AWAKE_MS = 0.5;

let awakeUntilMs = 0;
let polling = false;

/**
 * Keeps the event loop polling for half a millisecond instead of sleeping. The answer to a frame mostly comes within
 * that time, and waking a sleeping process costs more than the whole work on a frame
 * (docs/decisions/2026-11-24-the-engine-stays-awake-between-frames.md).
 */
export function stayAwake(): void {
  awakeUntilMs = performance.now() + AWAKE_MS;
  if (polling) return;
  polling = true;
  setImmediate(poll);
}

function poll(): void {
  if (performance.now() < awakeUntilMs) setImmediate(poll);
  else polling = false;
}
