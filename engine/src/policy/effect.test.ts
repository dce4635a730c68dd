import { expect, it } from "vitest";
import { effectOf, isRepeatable } from "./effect.ts";
import { Policies, type PolicyOptions } from "./policy.ts";

function effectWith(options: PolicyOptions) {
  const policies = new Policies({});
  policies.setTool("t", options);
  return effectOf(policies.of("t", undefined) ?? policies.engine);
}

it("takes a tool that declares nothing for one with effects each time", () => {
  expect(effectWith({})).toBe("each-time");
  expect(isRepeatable("each-time")).toBe(false);
});

it("takes the tool's word that it may be repeated", () => {
  expect([effectWith({ readOnly: true }), effectWith({ idempotent: true })]).toEqual(["none", "once"]);
  expect([isRepeatable("none"), isRepeatable("once")]).toEqual([true, true]);
});

it("refuses what is no option and what makes no sense", () => {
  expect(() => effectWith({ readOnly: "yes" as never })).toThrow("tool t readOnly must be true or false");
  expect(() => effectWith({ destructive: true } as never)).toThrow("destructive");
});
