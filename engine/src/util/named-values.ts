import { show } from "./duration.ts";

/** @throws TypeError for what has no named values: a primitive, a function, an array, a Map, a promise, or a signal that was to be the value of `signal` */
export function requireObject(value: unknown, what: string): asserts value is object {
  const isObject = typeof value === "object" && value !== null;
  const builtIn = isObject ? builtInClass(value) : undefined;
  if (isObject && builtIn === undefined && !(Symbol.iterator in value) && !("then" in value)) return;
  const got = builtIn === undefined || Array.isArray(value) ? show(value) : `an object of class ${builtIn}`;
  throw new TypeError(`${what} must be an object, got ${got}`);
}

/** The name of the platform's class that an object is made by: an `AbortSignal` has no key that would be refused as unknown. */
function builtInClass(value: object): string | undefined {
  const name = Object.prototype.toString.call(value).slice("[object ".length, -1);
  const made: unknown = Reflect.get(globalThis, name);
  return typeof made === "function" && made !== Object && value instanceof made ? name : undefined;
}

/** An object of another's own properties, and the known ones that it inherits or hides. */
export function withInherited<Options extends object>(options: Options, known: readonly string[]): Options {
  const prototype: unknown = Object.getPrototypeOf(options);
  if (prototype === Object.prototype || prototype === null) return options;
  const inherited = known.filter((key) => key in options && !Object.prototype.propertyIsEnumerable.call(options, key));
  return Object.assign(Object.fromEntries(inherited.map((key) => [key, Reflect.get(options, key)])), options);
}
