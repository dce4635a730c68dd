import type { ErrorInfo } from "./outcome.ts";

const MAX_CAUSES = 10;

/** Whatever was thrown, as plain data: name, message, stack and up to ten causes. */
export function errorInfo(thrown: unknown, causesLeft = MAX_CAUSES): ErrorInfo {
  if (!(thrown instanceof Error)) return { name: typeof thrown, message: safeString(thrown), stack: "" };
  const info = { name: thrown.name, message: thrown.message, stack: thrown.stack ?? "" };
  if (thrown.cause === undefined || thrown.cause === null || causesLeft === 0) return info;
  return { ...info, cause: errorInfo(thrown.cause, causesLeft - 1) };
}

function safeString(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "a value without a text form";
  }
}

/** The message of what was thrown, to stand in a sentence that ends by itself. */
export function withoutStop(thrown: unknown): string {
  return errorInfo(thrown).message.replace(/\.$/, "");
}
