import type { CallMessage } from "./messages.ts";

const TEXTS = [
  "engine",
  "run",
  "parent",
  "agent",
  "task",
  "agentName",
  "turn",
  "requestId",
  "idempotencyKey",
  "subject",
  "failedDependency",
  "load",
] as const;
const FLAGS = ["byCode", "debug"] as const;
/** Twice as many as are looked for: each as it is, and as it stands in quotes. */
const MAX_SECRETS = 2_000;
const FIGURES = ["withinMs", "stuckBodies"] as const;

/** @throws TypeError for a call with a part of another type than it has: it names the part and what it was */
export function requireCall(message: CallMessage): void {
  requireText(message.tool, "tool");
  for (const name of TEXTS) if (message[name] !== undefined) requireText(message[name], name);
  for (const name of FLAGS)
    if (message[name] !== undefined && typeof message[name] !== "boolean")
      throw wrong(name, "true or false", message[name]);
  for (const name of FIGURES)
    if (message[name] !== undefined && !Number.isFinite(message[name])) throw wrong(name, "a number", message[name]);
  requireSecrets(message.secrets);
  const { timeoutMs } = message;
  if (timeoutMs !== undefined && timeoutMs !== null && !(Number.isFinite(timeoutMs) && timeoutMs > 0))
    throw wrong("timeoutMs", "a duration or null", timeoutMs);
}

/** @throws TypeError or RangeError */
export function requireSecrets(secrets: readonly string[] | undefined): void {
  if (secrets === undefined) return;
  if (!Array.isArray(secrets)) throw wrong("secrets", "a list of texts", secrets);
  if (secrets.length > MAX_SECRETS)
    throw new RangeError(`secrets must be at most ${MAX_SECRETS}, got ${secrets.length}`);
  for (const secret of secrets) requireText(secret, "secrets");
}

/** @throws TypeError */
export function requireText(value: unknown, name: string): void {
  if (typeof value !== "string") throw wrong(name, "a text", value);
}

function wrong(name: string, wanted: string, value: unknown): TypeError {
  return new TypeError(
    `${name} must be ${wanted}, got ${value === null ? "null" : typeof value === "number" ? value : typeof value}`,
  );
}
