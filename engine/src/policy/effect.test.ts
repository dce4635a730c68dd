import { expect, it } from "vitest";
import { compileEffect, isRepeatable } from "./effect.ts";

it("takes a tool that declares nothing, or only that it destroys nothing, for one with effects each time", () => {
  expect(compileEffect({}, "tool t")).toBe("each-time");
  expect(compileEffect({ destructive: false }, "tool t")).toBe("each-time");
  expect(isRepeatable("each-time")).toBe(false);
});

it("takes the tool's word that it may be repeated", () => {
  expect(compileEffect({ readOnly: true }, "tool t")).toBe("none");
  expect(compileEffect({ idempotent: true, destructive: true }, "tool t")).toBe("once");
  expect([isRepeatable("none"), isRepeatable("once")]).toEqual([true, true]);
});

it("refuses what makes no sense", () => {
  expect(() => compileEffect({ readOnly: "yes" as never }, "tool t")).toThrow(
    new TypeError('tool t readOnly must be true or false, got "yes"'),
  );
  expect(() => compileEffect({ readOnly: true, destructive: true }, "tool t")).toThrow("both readOnly and destructive");
});
