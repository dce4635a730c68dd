import { expect, it } from "vitest";
import { inheritedFlags } from "./inherited-flags.ts";

it("a worker inherits loaders and limits, and nothing that makes Node do something else", () => {
  const flags = ["--import", "tsx", "--inspect-brk=9229", "-e", "createEngine()", "--max-old-space-size=200", "--test"];
  expect(inheritedFlags(flags)).toEqual(["--import", "tsx", "--max-old-space-size=200"]);
});
