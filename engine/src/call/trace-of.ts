import { didNotStart, type Ending } from "./ending.ts";

/**
 * What an ending tells about the body's effect. `none`: no body ran. `whole`: the body ran to its own end, by a result or an
 * error, so what it did is done. `unknown`: it was stopped, or may still be running.
 */
export type Trace = "none" | "whole" | "unknown";

/** An ending that is not listed counts as unknown: that errs on the side of not running a body twice. */
export function traceOf(ending: Ending): Trace {
  if (didNotStart(ending)) return "none";
  switch (ending.type) {
    case "answered":
      return "none";
    case "cancelled":
      return ending.body === "finished" ? "whole" : "unknown";
    case "returned":
    case "raised":
    case "cannot-move":
    case "too-large":
      return "whole";
    default:
      return "unknown";
  }
}
