import type { Entry } from "./entry.ts";

/** Where what happens is written before it takes effect. */
export interface Journal {
  append(entry: Entry): void;
}

/** For an engine in its caller's own process: if it dies, so does everything that could ask what it knew. */
export const noJournal: Journal = { append: () => undefined };
