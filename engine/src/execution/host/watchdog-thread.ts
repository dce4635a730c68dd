import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { formatDuration } from "../../util/duration.ts";
import { Beat } from "./watchdog-beat.ts";

/** The watchdog's thread. It sleeps unless calls are in flight, and writes only when the event loop does not come back. */
const { shared, unansweredMs } = workerData as { readonly shared: SharedArrayBuffer; readonly unansweredMs: number };
const beat = new Beat(shared);
for (;;) {
  const suspects = beat.waitUntilBlocked(unansweredMs);
  // Straight to the descriptor: a thread's process.stderr goes through the loop that is blocked.
  writeSync(
    2,
    `endstop: the event loop has been blocked for ${formatDuration(unansweredMs)} ${suspects} and may never be free again: no deadline can be kept. Move it to a worker.\n`,
  );
  beat.waitUntilFree();
}
