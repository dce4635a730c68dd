import { closeSync, openSync, readSync } from "node:fs";

/** What a worker notes before each body that it begins. */
export interface StartedNote {
  /** Empty while it has begun none. */
  readonly callId: string;
  readonly attempt: number;
  /** What it had used by then. */
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly pid: number;
}

/** Which attempt of which call. */
export interface AttemptName {
  readonly callId: string;
  readonly attempt: number;
}

const MAX_BYTES = 4096;

/**
 * The file in which a worker notes what it begins, held by its descriptor: a body that tidies the folder of temporary files, or
 * whoever removes old files, does not take it away. Read only where it is needed, so that a body costs the engine no message.
 */
export class NoteFile {
  readonly path: string;
  readonly #descriptor: number;
  #isOpen = true;

  /** @throws Error of the file system */
  constructor(path: string) {
    this.path = path;
    this.#descriptor = openSync(path, "r");
  }

  /** Undefined if there is nothing that can be read: then it is not known what the worker has begun. */
  read(): StartedNote | undefined {
    if (!this.#isOpen) return undefined;
    const bytes = Buffer.alloc(MAX_BYTES);
    return parseNote(bytes.toString("latin1", 0, readSync(this.#descriptor, bytes, 0, MAX_BYTES, 0)));
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
  }
}

/** Undefined for what no worker has written: an empty file, or one that is cut. */
export function parseNote(text: string): StartedNote | undefined {
  const found = /^(.*) (\d+) ([\d.]+) (\d+) (\d+)\n/.exec(text);
  if (!found) return undefined;
  const [, callId = "", attempt, cpuMs, memoryBytes, pid] = found;
  return {
    callId,
    attempt: Number(attempt),
    cpuMs: Number(cpuMs),
    memoryBytes: Number(memoryBytes),
    pid: Number(pid),
  };
}

/** Uncertain is begun: what may have been done must not be done again. */
export function mayHaveBegun(note: AttemptName | undefined, { callId, attempt }: AttemptName): boolean {
  return note === undefined || (note.callId === callId && note.attempt === attempt);
}
