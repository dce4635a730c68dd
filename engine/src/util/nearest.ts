import { distance } from "fastest-levenshtein";
import { requireObject, withInherited } from "./named-values.ts";

/** To compare two names takes as long as the product of their lengths, and a model may send any name. */
const MAX_COMPARED_CHARACTERS = 200;

/** The known names nearest to `name`, at most three, nearest first; none that differs in more than half of its letters. */
export function nearestNames(name: string, known: Iterable<string>): string[] {
  if (name.length > MAX_COMPARED_CHARACTERS) return [];
  const wanted = name.toLowerCase();
  return [...known]
    .filter((candidate) => candidate.length <= MAX_COMPARED_CHARACTERS)
    .map((candidate) => ({ candidate, edits: distance(wanted, candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= Math.max(candidate.length, wanted.length) / 2)
    .sort((a, b) => a.edits - b.edits || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** A sentence that helps to find the right name. */
export function suggestNames(name: string, known: Iterable<string>): string {
  const names = [...known];
  const nearest = nearestNames(name, names);
  if (nearest.length > 0) return `Did you mean ${nearest.join(", ")}?`;
  return names.length > 0 ? `Known are ${names.slice(0, 20).join(", ")}.` : "No tools are registered.";
}

/**
 * Options as they are read: those that an object inherits, as from a class, are as good as its own.
 *
 * @throws TypeError if it is no object, or has a key of its own that is not in `known`: names the nearest known one
 */
export function readOptions<Options extends object>(options: Options, known: readonly string[], what: string): Options {
  requireObject(options, what);
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new TypeError(`${what} has no option ${key}. ${suggestNames(key, known)}`);
  }
  return withInherited(options, known);
}
