import { BlockList } from "node:net";
import { describe, expect, it } from "vitest";
import { cloneToBytes, fromBytes } from "./movable.ts";

const moved = (value: unknown): unknown => fromBytes(cloneToBytes(value, "result"));

class Row {
  readonly id = 1;
  readonly page = new URL("http://x/row");
}

class Purse {
  readonly #cents: number;
  constructor(cents: number) {
    this.#cents = cents;
  }
  get cents(): number {
    return this.#cents;
  }
}

class Price extends Purse {
  toJSON(): object {
    return { cents: this.cents };
  }
}

class Answer extends Response {
  extra = 1;
}

describe("a value for another process", () => {
  it("arrives with nothing lost where it is a text, a number or an object of these, and looks like JSON on its way", () => {
    const own = JSON.parse('{ "__proto__": 1, "b": "\\ud800\\u0000é", "2": null, "a": true }');
    for (const value of ["", "\ud800", 0, 1e300, true, null, { n: 1 }, own]) {
      expect(moved(value)).toEqual(value);
      expect(Object.keys(Object(moved(value)))).toEqual(Object.keys(Object(value)));
      expect(JSON.parse(Buffer.from(cloneToBytes(value, "result")).toString())).toEqual(value);
    }
    const twice = [1];
    for (const value of [
      -0,
      Number.NaN,
      undefined,
      1n,
      {},
      { n: -0 },
      { n: undefined },
      { a: twice, b: [twice] },
      "x".repeat(20_000),
    ]) {
      expect(moved(value)).toStrictEqual(value);
      expect(cloneToBytes(value, "result")[0]).toBe(0xff);
    }
    expect(() => cloneToBytes(new Proxy({ n: 1 }, {}), "result")).toThrow("could not be cloned");
    expect(moved({ n: 1, toJSON: null })).toEqual({ n: 1, toJSON: null });
  });

  it("arrives as structured clone gives it, a URL as its text", () => {
    const shared = { at: new URL("http://x/a?b=1"), query: new URLSearchParams("a=1&a=2") };
    const value = {
      list: [shared, shared],
      map: new Map([["k", shared]]),
      set: new Set([1n]),
      bytes: new Uint8Array([1]),
      row: new Row(),
      when: new Date(0),
      failed: new TypeError("no"),
    };
    const back = moved(value) as typeof value;
    expect(back).toEqual({
      ...value,
      list: [
        { at: "http://x/a?b=1", query: "a=1&a=2" },
        { at: "http://x/a?b=1", query: "a=1&a=2" },
      ],
      map: new Map([["k", { at: "http://x/a?b=1", query: "a=1&a=2" }]]),
      row: { id: 1, page: "http://x/row" },
    });
    expect(back.list[0]).toBe(back.list[1]);
    expect(moved(new URL("http://x/"))).toBe("http://x/");
    expect(value.list[0]?.at).toBeInstanceOf(URL);
  });

  it("keeps cycles, names like __proto__, and lists longer than the stack is deep", () => {
    const cycle: Record<string, unknown> = { at: new URL("http://x/") };
    cycle.self = cycle;
    const back = moved(cycle) as typeof cycle;
    expect(back.self).toBe(back);
    const named = JSON.parse('{"__proto__":{"a":1},"page":0}');
    named.page = new URL("http://x/");
    expect(Object.keys(moved(named) as object)).toEqual(["__proto__", "page"]);
    expect(moved(Array.from({ length: 200_000 }, (_, at) => ({ at })))).toHaveLength(200_000);
  });

  it.each<[string, () => unknown]>([
    ["Response", () => new Response("x")],
    ["Request", () => new Request("http://x")],
    ["Headers", () => new Headers({ a: "b" })],
    ["FormData", () => new FormData()],
    ["Blob", () => new Blob(["x"])],
    ["File", () => new File(["x"], "n")],
    ["ReadableStream", () => new ReadableStream()],
    ["CompressionStream", () => new CompressionStream("gzip")],
    ["AbortController", () => new AbortController()],
    ["BlockList", () => new BlockList()],
    ["Promise", () => Promise.resolve(1)],
    ["WeakMap", () => new WeakMap()],
  ])("is refused by name where nothing of a %s would arrive", (name, make) => {
    for (const [value, where] of [
      [make(), "result"],
      [{ rows: [{ it: make() }] }, "result.rows[0].it"],
    ] as const) {
      expect(() => cloneToBytes(value, "result")).toThrow(`${where} is a ${name}`);
    }
    for (const value of [new Map([[1, make()]]), new Set([make()])]) expect(() => moved(value)).toThrow(name);
  });

  it("is refused where a getter or a proxy of it throws", () => {
    const fails = () => {
      throw new RangeError("no");
    };
    expect(() => moved(Object.defineProperty({}, "a", { get: fails, enumerable: true }))).toThrow("no");
    expect(() => moved(new Proxy({}, { ownKeys: fails }))).toThrow(Error);
    expect(() => moved({ run: () => 1 })).toThrow("could not be cloned");
  });

  it.each<[string, () => unknown]>([
    ["Response", () => new Answer("x")],
    ["Purse", () => new Purse(3)],
    ["Iterator", () => (function* () {})()],
    ["object with hidden properties only", () => ({ [Symbol("a")]: 1 })],
    ["object with hidden properties only", () => Object.defineProperty({}, "a", { value: 1 })],
  ])("is refused by name where its state is hidden: %s", (name, make) => {
    expect(() => moved({ list: [make()] })).toThrow(`result.list[0] is a ${name}`);
  });

  it("goes as what its toJSON gives, which is looked at, too", () => {
    expect(moved([new Price(3)])).toEqual([{ cents: 3 }]);
    expect(() => moved({ toJSON: () => 1 })).toThrow("could not be cloned");
    expect(() =>
      moved(
        new (class Wrong {
          toJSON = () => new Headers();
        })(),
      ),
    ).toThrow("Headers");
    const endless = Object.create({ toJSON: () => Object.create({ toJSON: () => endless }) });
    expect(() => moved(endless)).toThrow(Error);
    const own = new (class Own {
      a = 1;
    })();
    expect(moved(own)).toEqual({ a: 1 });
  });
});
