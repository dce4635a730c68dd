export type { Batch, BatchEntry } from "./api/batch.ts";
export { createEngine, type Engine, type RunHandle } from "./api/engine.ts";
export type { RegisteredTool } from "./api/tool-registry.ts";
export type { Code } from "./call/codes.generated.ts";
export { modelText } from "./call/model-text.ts";
export type {
  CallFacts,
  CancelledBody,
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
export type { AgentOptions, PolicyOptions } from "./policy/options.generated.ts";
export type { EffectiveLimit, EngineOptions } from "./policy/policy.ts";
export type { CallFigures, ToolStats } from "./telemetry/call-stats.ts";
export type { AnsweredBy, EngineEvent, EventType, Settlement, WorkerEnd } from "./telemetry/engine-event.ts";
export type { EngineStats, MemoryStats, WorkerStats } from "./telemetry/engine-stats.ts";
export type { EventListener, EventStream } from "./telemetry/event-stream.ts";
export type { Percentiles } from "./telemetry/histogram.ts";
export type { CommandOptions } from "./tool/command-options.ts";
export type { BatchCall, CallOptions, CommandTool, JsonSchema, Tool, ToolContext } from "./tool/tool.ts";
