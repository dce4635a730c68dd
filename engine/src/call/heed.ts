import { types } from "node:util";

/** Objects that are looked at, and values that they hold. */
const MAX_OBJECTS = 100_000;
const MAX_PARTS = 1_000_000;

/**
 * Takes note of the promises that a value holds: those of a result or an error belong to whoever reads it, nobody may, and the rejection of
 * one would end the process. Looks at own data, hidden too, in maps and in sets, and runs no code of the value but a proxy's. Never throws.
 *
 * @param maxObjects that are looked at, the nearest first
 */
export function heed(value: unknown, maxObjects = MAX_OBJECTS): void {
  const found: object[] = [];
  const seen = new Set<object>();
  let partsLeft = MAX_PARTS;
  const visit = (part: unknown): void => {
    partsLeft -= 1;
    if (typeof part !== "object" || part === null || found.length >= maxObjects || seen.has(part)) return;
    seen.add(part);
    found.push(part);
  };
  visit(value);
  for (const object of found) {
    if (partsLeft < 0) return;
    heedPromise(object);
    try {
      visitParts(object, visit);
    } catch {
      // a proxy that throws
    }
  }
}

/** The same for a value alone, without what it holds. */
export function heedPromise(value: unknown): void {
  if (types.isPromise(value)) Promise.prototype.then.call(value, undefined, () => undefined);
}

function visitParts(object: object, visit: (part: unknown) => void): void {
  if (ArrayBuffer.isView(object)) return;
  if (types.isMap(object)) {
    Map.prototype.forEach.call(object, (part, key) => {
      visit(key);
      visit(part);
    });
  }
  if (types.isSet(object)) Set.prototype.forEach.call(object, visit);
  for (const key of Reflect.ownKeys(object)) visit(Reflect.getOwnPropertyDescriptor(object, key)?.value);
}
