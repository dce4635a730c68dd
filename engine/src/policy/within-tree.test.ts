import { describe, expect, it } from "vitest";
import { Policies } from "./policy.ts";
import { withinTree } from "./within-tree.ts";

describe("a call that another engine's body makes", () => {
  const inner = new Policies({ maxDepth: 20, budgetCalls: 5, timeout: "1s" }).engine;
  const outer = new Policies({ maxDepth: 3, budgetCalls: 50, budgetFailures: 2, timeout: "9s", maxReentry: 1 }).engine;

  it("has the narrower of each bound of the whole tree", () => {
    expect(withinTree(inner, outer)).toMatchObject({ maxDepth: 3, budgetCalls: 5, budgetFailures: 2 });
    expect(withinTree(outer, inner)).toMatchObject({ maxDepth: 3, budgetCalls: 5, budgetFailures: 2 });
  });

  it("keeps its own limits of a single tool", () => {
    expect(withinTree(inner, outer)).toMatchObject({ timeoutMs: 1_000, maxReentry: inner.maxReentry });
  });
});
