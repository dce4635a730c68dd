import { writeSync } from "node:fs";
import { Socket } from "node:net";

const STDOUT = 1;

/**
 * Standard output, written to at once as long as the pipe takes all of it: a stream's own way through its queue costs a third of the
 * time between an outcome and its caller's waking. It does not block: the socket has made the pipe non-blocking, and gets what is left over.
 */
export class HostPipe extends Socket {
  /** @throws Error where standard output is no pipe */
  constructor() {
    super({ fd: STDOUT, readable: false, writable: true });
  }

  override write(chunk: Uint8Array): boolean {
    // On Windows the descriptor itself blocks.
    const isFree = this.writableLength === 0 && !this.destroyed && process.platform !== "win32";
    const written = isFree ? tryWrite(chunk) : 0;
    return written === chunk.length || super.write(written === 0 ? chunk : chunk.subarray(written));
  }
}

/** @returns how many bytes were taken; none also where it failed: the socket meets that again, and tells it */
function tryWrite(chunk: Uint8Array): number {
  try {
    return writeSync(STDOUT, chunk);
  } catch {
    return 0;
  }
}
