import type { Ending } from "../../call/ending.ts";
import { toldEnding, toldError } from "../../call/told-ending.ts";
import type { FromGuest } from "./messages.ts";

const NONSENSE: Ending = { type: "crashed", signal: null, exitCode: null, because: "what it sent makes no sense" };

/** A message of a worker, whose module may have written it itself; undefined if it is none. An ending that makes no sense is the end of its call. */
export function fromGuest(told: unknown): FromGuest | undefined {
  if (typeof told !== "object" || told === null) return undefined;
  const message = told as FromGuest;
  switch (message.type) {
    case "ended": {
      const isWhole = message.value === undefined || message.value instanceof Uint8Array;
      return isWhole && toldEnding(message.ending)
        ? message
        : { type: "ended", callId: message.callId, ending: NONSENSE };
    }
    case "broken":
    case "load-failed":
      return toldError(message.error) && message;
    default:
      return message;
  }
}
