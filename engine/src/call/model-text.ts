import { inspect } from "node:util";
import type { Outcome } from "./outcome.ts";
import { textForModel } from "./text-for-model.ts";

/**
 * What a model reads of an outcome: the text of a failure, or the value with the outcome's notice. A value that is no string
 * is written as JSON. Past the tool's `maxResult` it is the size and the beginning; `outcome.value` has the whole.
 */
export function modelText({ tool, notice, maxResultBytes, ...rest }: Outcome): string {
  const whole = rest.status === "succeeded" ? textOf(rest.value) : rest.failure.forModel;
  const { text } = textForModel(tool, whole, maxResultBytes);
  return notice === null ? text : `${text}\n\n${notice}`;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return inspect(value); // a bigint, a cycle, a toJSON that throws
  }
}
