import { types } from "node:util";
import { heed } from "./heed.ts";
import type { ErrorInfo } from "./outcome.ts";
import { plainFields } from "./plain-fields.ts";

const MAX_CAUSES = 10;
/** Errors told of in all: causes, and what an AggregateError holds. */
const MAX_ERRORS = 20;
/** A request, a socket and whatever else hangs on an error is not looked through for promises. */
const MAX_HEEDED_OBJECTS = 1_000;
/** Of what was thrown and is no error. */
const MAX_MESSAGE_CHARACTERS = 200;
const OF_THEIR_OWN: ReadonlySet<string> = new Set(["name", "message", "stack", "cause", "errors", "code", "status"]);

/**
 * Whatever was thrown, as plain data: name, message, stack, `code`, `status`, its own plain fields, up to ten causes in a row, and the errors
 * that an AggregateError holds. It never throws: what cannot be read (a getter, a proxy, `Error.prepareStackTrace` that throws) is left out.
 */
export function errorInfo(thrown: unknown): ErrorInfo {
  heed(thrown, MAX_HEEDED_OBJECTS);
  return describe(thrown, MAX_CAUSES, { errors: MAX_ERRORS });
}

function describe(thrown: unknown, causesLeft: number, left: { errors: number }): ErrorInfo {
  left.errors -= 1;
  if (typeof thrown !== "object" || thrown === null) {
    const message = thrown === undefined ? "undefined" : textOf(thrown);
    return { name: typeof thrown, message: message ?? "a value without a text form", stack: "" };
  }
  const name = textOf(read(thrown, "name"));
  const message = textOf(read(thrown, "message"));
  const isError = isErrorObject(thrown) || (name !== undefined && message !== undefined);
  const code = textOrNumber(read(thrown, "code"));
  const status = textOrNumber(read(thrown, "status"));
  const cause = read(thrown, "cause");
  const errors = read(thrown, "errors");
  const fields = plainFields(thrown, OF_THEIR_OWN);
  const goesOn = causesLeft > 0 && left.errors > 0;
  return {
    name: isError ? (name ?? "Error") : "object",
    message: message ?? (isError ? "" : JSON.stringify({ code, status, ...fields }).slice(0, MAX_MESSAGE_CHARACTERS)),
    stack: textOf(read(thrown, "stack")) ?? "",
    ...(code !== undefined ? { code } : {}),
    ...(status !== undefined ? { status } : {}),
    ...(fields ? { fields } : {}),
    ...(goesOn && cause !== undefined && cause !== null ? { cause: describe(cause, causesLeft - 1, left) } : {}),
    ...(goesOn && isArray(errors) ? { errors: describeAll(errors, causesLeft - 1, left) } : {}),
  };
}

function describeAll(errors: readonly unknown[], causesLeft: number, left: { errors: number }): ErrorInfo[] {
  const told: ErrorInfo[] = [];
  for (let index = 0; left.errors > 0; index += 1) {
    const error = read(errors, index);
    if (error === undefined) break;
    told.push(describe(error, causesLeft, left));
  }
  return told;
}

/** A field's value, or undefined where reading it throws. */
function read(value: object, key: string | number): unknown {
  try {
    return (value as Record<string | number, unknown>)[key];
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value === undefined) return undefined;
  try {
    return String(value);
  } catch {
    return undefined;
  }
}

function isErrorObject(value: object): boolean {
  try {
    return types.isNativeError(value) || value instanceof Error;
  } catch {
    return false; // a proxy
  }
}

function isArray(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false; // a proxy that was revoked
  }
}

const textOrNumber = (value: unknown): string | number | undefined =>
  typeof value === "string" || typeof value === "number" ? value : undefined;

/** What {@link errorInfo} told, as it is thrown in another process. */
export function asThrown({ name, message, stack, code, fields }: ErrorInfo): unknown {
  if (name === "AbortError" || name === "TimeoutError") return new DOMException(message, name);
  if (name === "string") return message;
  return Object.assign(new Error(message), { ...fields, name, stack, ...(code === undefined ? {} : { code }) });
}

/** The message of what was thrown, to stand in a sentence that ends by itself. */
export function withoutStop(thrown: unknown): string {
  return errorInfo(thrown).message.replace(/\.$/, "");
}
