export type { Code } from "./call/codes.generated.ts";
export type { CancelledBody } from "./call/ending.ts";
export { modelText } from "./call/model-text.ts";
export type {
  CallFacts,
  Crash,
  ErrorInfo,
  Failure,
  FailureStatus,
  ObservedRejection,
  Outcome,
  Placement,
  Success,
  Unsuccessful,
} from "./call/outcome.ts";
export { createEngine, type Engine, type RunHandle } from "./engine.ts";
export type { CallFigures, ToolStats } from "./events/call-stats.ts";
export type { AnsweredBy, EngineEvent, EventType, Settlement, WorkerEnd } from "./events/engine-event.ts";
export type { EngineStats, MemoryStats, WorkerStats } from "./events/engine-stats.ts";
export type { EventListener, EventStream } from "./events/event-stream.ts";
export type { Percentiles } from "./events/histogram.ts";
export type { CommandOptions } from "./placement/command/command-options.ts";
export type { AgentOptions, PolicyOptions } from "./policy/options.generated.ts";
export type { EffectiveLimit, EngineOptions } from "./policy/policy.ts";
export type { Batch, BatchEntry } from "./schedule/batch.ts";
export type { BatchCall, CallOptions, CommandTool, JsonSchema, Tool, ToolContext } from "./tool.ts";
export type { RegisteredTool } from "./tool-registry.ts";
