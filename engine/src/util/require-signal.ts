import { show } from "./duration.ts";

/** Checks a call's `signal`, which may be another realm's. @throws TypeError that says what it is instead */
export function requireSignal(signal: unknown): void {
  if (signal === undefined || (isSignal(signal) && (signal instanceof AbortSignal || canBeHeard(signal)))) return;
  const isController = typeof signal === "object" && signal !== null && "signal" in signal;
  const got = isController ? "an AbortController: give its signal" : show(signal);
  throw new TypeError(`call signal must be an AbortSignal, got ${got}`);
}

/** Whether a signal of another make lets itself be listened to: a call could not take that back. */
function canBeHeard(signal: AbortSignal): boolean {
  const listener = (): void => undefined;
  try {
    signal.addEventListener("abort", listener, { once: true });
    signal.removeEventListener("abort", listener);
    return true;
  } catch {
    return false;
  }
}

function isSignal(signal: unknown): signal is AbortSignal {
  if (typeof signal !== "object" || signal === null) return false;
  try {
    const { aborted, addEventListener, removeEventListener } = signal as Partial<AbortSignal>;
    return (
      typeof aborted === "boolean" &&
      typeof addEventListener === "function" &&
      typeof removeEventListener === "function"
    );
  } catch {
    return false; // it only has the prototype of one
  }
}
