import { expect, it } from "vitest";
import * as endstop from "../src/index.ts";

it("exports these values and no others", () => {
  expect(Object.keys(endstop).sort()).toEqual(["createEngine", "modelText"]);
});
