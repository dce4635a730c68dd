import type { Entry } from "./entry.ts";

/** Where what happens is written before it takes effect. */
export interface Journal {
  /** @throws NotRecordedError for an admission that cannot be written: then it does not take effect */
  append(entry: Entry): void;
}

/** There is no place to write now: the disk is full, the folder cannot be made. */
export class NotRecordedError extends Error {
  override readonly name = "NotRecordedError";
}

/** For an engine in its caller's own process: if it dies, so does everything that could ask what it knew. */
export const noJournal: Journal = { append: () => undefined };
