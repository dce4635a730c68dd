import { types } from "node:util";

/** Objects that are looked at, and values that they hold. */
const MAX_OBJECTS = 20_000;
const MAX_PARTS = 200_000;
/** Items of an array whose other properties are looked at, too. */
const MAX_LISTED = 10_000;

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
  /** False once no more is looked at. */
  const visit = (part: unknown): boolean => {
    partsLeft -= 1;
    if (typeof part !== "object" || part === null || found.length >= maxObjects || seen.has(part)) return partsLeft > 0;
    seen.add(part);
    found.push(part);
    return partsLeft > 0;
  };
  visit(value);
  for (const object of found) {
    if (partsLeft <= 0) return;
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

function visitParts(object: object, visit: (part: unknown) => boolean): void {
  if (ArrayBuffer.isView(object) || types.isBoxedPrimitive(object)) return; // a key for each byte or letter
  if (types.isMap(object))
    for (const [key, part] of Map.prototype.entries.call(object)) if (!(visit(key) && visit(part))) return;
  if (types.isSet(object)) for (const part of Set.prototype.values.call(object)) if (!visit(part)) return;
  if (Array.isArray(object) && object.length > MAX_LISTED) {
    // A list of all its keys would take longer than all the rest.
    for (let index = 0; index < object.length; index += 1)
      if (!visit(Reflect.getOwnPropertyDescriptor(object, index)?.value)) return;
    return;
  }
  for (const key of Reflect.ownKeys(object)) if (!visit(Reflect.getOwnPropertyDescriptor(object, key)?.value)) return;
}
