import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as endstop from "../src/index.ts";

it("exports these values and no others", () => {
  expect(Object.keys(endstop).sort()).toEqual(["createEngine", "modelText"]);
});

it("exports these types and no others", () => {
  const declared = readFileSync(new URL("../dist/index.d.mts", import.meta.url), "utf8");
  const names = [...declared.matchAll(/^export type \{([^}]*)\}/gm)].flatMap(([, list]) => String(list).split(","));
  expect(names.map((name) => name.trim()).sort()).toEqual(
    `
    AgentOptions AnsweredBy Batch BatchCall BatchEntry CallFacts CallFigures
    CallOptions CancelledBody Code CommandOptions CommandTool Crash EffectiveLimit
    Engine EngineEvent EngineOptions EngineStats ErrorInfo EventListener EventStream
    EventType Failure FailureStatus JsonSchema MemoryStats ObservedRejection Outcome
    Percentiles Placement PolicyOptions RegisteredTool RunHandle Settlement Success
    Tool ToolContext ToolStats Unsuccessful WorkerEnd WorkerStats
    `
      .trim()
      .split(/\s+/),
  );
});
