import { show } from "./duration.ts";

/** @throws TypeError for what has no named values: a primitive, a function, an array, a Map, a promise */
export function requireObject(value: unknown, what: string): asserts value is object {
  const isObject = typeof value === "object" && value !== null && !(Symbol.iterator in value) && !("then" in value);
  if (!isObject) throw new TypeError(`${what} must be an object, got ${show(value)}`);
}

/** An object of another's own properties, and the known ones that it inherits or hides. */
export function withInherited<Options extends object>(options: Options, known: readonly string[]): Options {
  const prototype: unknown = Object.getPrototypeOf(options);
  if (prototype === Object.prototype || prototype === null) return options;
  const inherited = known.filter((key) => key in options && !Object.prototype.propertyIsEnumerable.call(options, key));
  return Object.assign(Object.fromEntries(inherited.map((key) => [key, Reflect.get(options, key)])), options);
}
