import { describe, expect, it } from "vitest";
import { digestOf } from "./fingerprint.ts";

class Row {
  readonly at: number;
  constructor(at: number) {
    this.at = at;
  }
}
class Money {
  readonly #cents: number;
  constructor(cents: number) {
    this.#cents = cents;
  }
  toJSON() {
    return { cents: this.#cents };
  }
}
class Sealed {
  readonly #value: number;
  constructor(value: number) {
    this.#value = value;
  }
  get value() {
    return this.#value;
  }
}
interface Entity {
  id: number;
  children: Entity[];
  parent?: Entity;
}
const tree = (id: number): Entity => {
  const root: Entity = { id, children: [] };
  root.children.push({ id: id + 1, children: [], parent: root });
  return root;
};

describe("a result's digest", () => {
  const makers: Record<string, (n: number) => unknown> = {
    "a class instance": (n) => new Row(n),
    "what has toJSON": (n) => new Money(n),
    "a URL": (n) => new URL(`http://x/${n}`),
    "a query": (n) => new URLSearchParams({ n: String(n) }),
    "a Map": (n) => new Map([[n, { n }]]),
    "a Set": (n) => new Set([n]),
    "an Error": (n) => new Error(`e ${n}`),
    "a regular expression": (n) => new RegExp(String(n)),
    "other numbers": (n) => new Float64Array([n]),
    "a buffer": (n) => new Uint8Array([n]).buffer,
    "a cycle": (n) => tree(n),
    "undefined in an array": (n) => [undefined, n],
    "a lone surrogate": (n) => `\ud800${n}`,
    "an object without prototype": (n) => Object.assign(Object.create(null), { n, at: new Map() }),
  };
  it.each(Object.entries(makers))("compares %s, also inside another value", (_name, make) => {
    for (const wrap of [(value: unknown) => value, (value: unknown) => ({ rows: [value] })]) {
      const [a, again, b] = [digestOf(wrap(make(1))), digestOf(wrap(make(1))), digestOf(wrap(make(2)))];
      expect(a).not.toBeNull();
      expect(again).toBe(a);
      expect(b).not.toBe(a);
    }
  });

  it("is none where two values could differ and nobody would see it", () => {
    const hidden = [new Sealed(1), new Response("x"), new Headers(), Promise.resolve(1), new WeakMap(), () => 1];
    expect(hidden.map((value) => [digestOf(value), digestOf({ value })])).toEqual(hidden.map(() => [null, null]));
    expect(new Sealed(1).value).toBe(1);
  });

  it("is none, and nothing is thrown, where the value throws when it is looked at", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const fails = () => {
      throw new Error("no");
    };
    const hostile = [
      { get rows() { return fails(); } },
      new Proxy({}, { ownKeys: fails }),
      new Proxy({}, { getPrototypeOf: fails }),
      proxy,
      { toJSON: fails, at: new Map() },
      new Map([[1, proxy]]),
      Object.defineProperty([], 0, { get: fails }),
    ]; // biome-ignore format: one a line
    expect(hostile.map(digestOf)).toEqual(hostile.map(() => null));
  });

  it("of what is too large is none, at once", () => {
    expect(digestOf(new Set(Array.from({ length: 150_000 }, (_, at) => at)))).toBeNull();
    expect(digestOf(new Array(4e9))).toBeNull();
  });
});
