import { inspect } from "node:util";
import { show } from "../internal/duration.ts";
import { heedPromise } from "./heed.ts";
import type { Outcome } from "./outcome.ts";
import { textForModel } from "./text-for-model.ts";

/**
 * What a model reads of an outcome: the text of a failure, or the value with the outcome's notice. A value that is no string
 * is written as JSON. Past the tool's `maxResult` it is the size and the beginning; `outcome.value` has the whole.
 *
 * @throws TypeError for what is no outcome, such as its promise
 */
export function modelText(outcome: Outcome): string {
  const isOutcome = typeof outcome === "object" && outcome !== null && "status" in outcome;
  if (!isOutcome) throw new TypeError(`modelText takes the outcome of a call, got ${show(outcome)}`);
  const { tool, notice, maxResultBytes, ...rest } = outcome;
  const whole = rest.status === "succeeded" ? textOf(rest.value) : rest.failure.forModel;
  const { text } = textForModel(tool, whole, maxResultBytes);
  return notice === null ? text : `${text}\n\n${notice}`;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return jsonOf(value) ?? inspected(value);
}

/** Undefined where JSON cannot say it (a bigint, a cycle, a `toJSON` that throws) or would say nothing of it (an instance whose data is hidden). */
function jsonOf(value: unknown): string | undefined {
  try {
    const json = JSON.stringify(value, (_key, part: unknown) => readable(part));
    const isHidden = json === "{}" && Object.getPrototypeOf(value) !== Object.prototype && !(value instanceof Map);
    return isHidden ? undefined : json;
  } catch {
    return undefined;
  }
}

/** What JSON would write as `{}` although it holds data. */
function readable(part: unknown): unknown {
  if (typeof part !== "object" || part === null) return part;
  heedPromise(part); // a getter may have made it just now
  if (part instanceof Map) {
    const entries = [...Map.prototype.entries.call(part)];
    return entries.every(([key]) => typeof key === "string") ? Object.fromEntries(entries) : entries;
  }
  if (part instanceof Set) return [...Set.prototype.values.call(part)];
  if (part instanceof Error) return { ...part, name: part.name, message: part.message };
  return part instanceof URLSearchParams || part instanceof RegExp ? String(part) : part;
}

function inspected(value: unknown): string {
  try {
    return inspect(value);
  } catch {
    return "a value without a text form";
  }
}
