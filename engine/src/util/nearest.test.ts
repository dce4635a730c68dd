import { describe, expect, it } from "vitest";
import { nearestNames, readOptions, suggestNames } from "./nearest.ts";

describe("nearestNames", () => {
  it("puts the nearest first and leaves out what is far", () => {
    expect(nearestNames("serch", ["scrape", "search", "send_mail", "x"])).toEqual(["search"]);
    expect(nearestNames("Search", ["search"])).toEqual(["search"]);
  });

  it("compares no name that a model has made endless", () => {
    const endless = "search".repeat(1_000_000);
    expect(nearestNames(endless, ["search", endless])).toEqual([]);
    expect(nearestNames("search", [endless, "search"])).toEqual(["search"]);
  });
});

describe("suggestNames", () => {
  it("lists what there is where nothing is near", () => {
    expect(suggestNames("zzz", ["search"])).toBe("Known are search.");
    expect(suggestNames("zzz", [])).toBe("No tools are registered.");
  });
});

describe("readOptions", () => {
  it("names the nearest known key", () => {
    expect(() => readOptions({ tiemout: 1 }, ["timeout"], "policy")).toThrow(
      "policy has no option tiemout. Did you mean timeout?",
    );
    expect(readOptions({ timeout: 1 }, ["timeout"], "policy")).toEqual({ timeout: 1 });
  });

  it("takes what a class gives, and what a prototype has", () => {
    class Limits {
      get timeout() {
        return "1s";
      }
      help() {}
    }
    const known = ["timeout", "maxCalls"];
    expect(readOptions(new Limits(), known, "policy")).toEqual({ timeout: "1s" });
    const own = Object.assign(Object.create({ timeout: "1s", maxCalls: 1 }), { timeout: "2s" });
    expect(readOptions(own, known, "policy")).toEqual({ timeout: "2s", maxCalls: 1 });
  });

  it("refuses an object of the platform, which has no key to be refused for", () => {
    const { signal } = new AbortController();
    for (const given of [
      signal,
      new AbortController(),
      new Date(0),
      new URL("http://x/"),
      new Error("no"),
      /x/,
      new Map(),
    ])
      expect(() => readOptions(given as never, ["timeout", "signal"], "call options")).toThrow(
        `call options must be an object, got an object of class ${given.constructor.name}`,
      );
    for (const given of [Object.create(null), structuredClone({}), new (class AbortSignal {})()])
      expect(readOptions(given, ["timeout"], "call options")).toEqual({});
  });

  it.each([null, undefined, "x", 5, () => {}, [], new Map(), Promise.resolve({})])("refuses %o", (options) => {
    expect(() => readOptions(options as never, ["timeout"], "policy")).toThrow(/^policy must be an object, got /);
  });
});
