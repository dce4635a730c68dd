import { readFileSync } from "node:fs";

/** Reads a file's text, or undefined if there is none, or none that this process may read. */
export type ReadText = (path: string) => string | undefined;

export const readText: ReadText = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};
