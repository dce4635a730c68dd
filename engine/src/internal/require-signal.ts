import { show } from "./duration.ts";

/** Checks a call's `signal`, which may be another realm's. @throws TypeError that says what it is instead */
export function requireSignal(signal: unknown): void {
  if (signal === undefined || isSignal(signal)) return;
  const isController = typeof signal === "object" && signal !== null && "signal" in signal;
  const got = isController ? "an AbortController: give its signal" : show(signal);
  throw new TypeError(`call signal must be an AbortSignal, got ${got}`);
}

function isSignal(signal: unknown): signal is AbortSignal {
  if (typeof signal !== "object" || signal === null) return false;
  const { aborted, addEventListener, removeEventListener } = signal as Partial<AbortSignal>;
  return (
    typeof aborted === "boolean" && typeof addEventListener === "function" && typeof removeEventListener === "function"
  );
}
