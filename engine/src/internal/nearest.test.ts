import { describe, expect, it } from "vitest";
import { nearestNames, refuseUnknownKeys, suggestNames } from "./nearest.ts";

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

describe("refuseUnknownKeys", () => {
  it("names the nearest known key", () => {
    expect(() => refuseUnknownKeys({ tiemout: 1 }, ["timeout"], "policy")).toThrow(
      "policy has no option tiemout. Did you mean timeout?",
    );
    expect(() => refuseUnknownKeys({ timeout: 1 }, ["timeout"], "policy")).not.toThrow();
  });
});
