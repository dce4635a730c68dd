import { deserialize, serialize } from "node:v8";
import { toldEnding, toldError } from "../../call/told-ending.ts";
import type { Frame } from "../../transport/frames.ts";
import type { FromGuest, ToolDescription } from "./messages.ts";
import type { LeftProcesses } from "./started-processes.ts";

type Told = Readonly<Record<string, unknown>>;
type Call = FromGuest & { type: "call" };

/** A message of a worker as a frame. @throws DataCloneError for options or a description that cannot be cloned */
export function toFrame(message: FromGuest): [header: { readonly type: string }, body?: Uint8Array | undefined] {
  switch (message.type) {
    case "loaded": {
      const { description, ...header } = message;
      return [header, serialize(description)];
    }
    case "ended": {
      const { value, ...header } = message;
      return [header, value];
    }
    case "call": {
      const { input, options, ...header } = message;
      return [header, serialize({ input, options })];
    }
    default:
      return [message];
  }
}

/** The message in a frame of a worker, whose tool may have written it itself; undefined if it makes no sense. */
export function fromGuest({ header, body }: Frame): FromGuest | undefined {
  const told = header as Told & { readonly type: string };
  switch (told.type) {
    case "ready":
      return { type: "ready" };
    case "loaded": {
      const description = valueIn(body) as ToolDescription | undefined;
      const { module, startedProcesses } = told;
      if (!isText(module) || !isText(description?.name) || typeof startedProcesses !== "boolean") return undefined;
      return { type: "loaded", module, description, startedProcesses };
    }
    case "load-failed": {
      const error = toldError(told.error);
      return error && isText(told.module) ? { type: "load-failed", module: told.module, error } : undefined;
    }
    case "ended": {
      const ending = toldEnding(told.ending);
      if (!ending || !isText(told.nonce) || (body.length > 0 && ending.type !== "returned")) return undefined;
      const value = ending.type === "returned" ? { value: body } : {};
      return { type: "ended", nonce: told.nonce, ending, ...value, left: leftIn(told.left) };
    }
    case "broken": {
      const error = toldError(told.error);
      return error && { type: "broken", error };
    }
    case "call": {
      const { nonce, nested, tool } = told;
      const { input, options } = (valueIn(body) ?? {}) as Partial<Call>;
      if (!isText(nonce) || !isNumber(nested) || !isText(tool) || !(input instanceof Uint8Array)) return undefined;
      if (typeof options !== "object" || options === null) return undefined;
      return { type: "call", nonce, nested, tool, input, options };
    }
    case "cancel-nested": {
      const reason = toldError(told.reason);
      if (!reason || !isText(told.nonce) || !isNumber(told.nested)) return undefined;
      return { type: "cancel-nested", nonce: told.nonce, nested: told.nested, reason };
    }
    default:
      return undefined;
  }
}

/** An object as the bytes of its structured clone; undefined if they are none. */
function valueIn(body: Uint8Array): object | undefined {
  try {
    const value: unknown = deserialize(body);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined; // no clone
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

/** What is unknown is looked at. */
function leftIn(told: unknown): LeftProcesses {
  return told === undefined || told === "some" ? told : "unknown";
}
