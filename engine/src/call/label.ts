import { isSecretName, REDACTED, redactsAll, secretsOf, withoutSecrets } from "./redaction.ts";
import type { Encoded } from "./values.ts";

const MAX_VALUE_CHARACTERS = 24;
const MAX_LABEL_CHARACTERS = 80;
/** A secret that goes on after that is not recognised; of what is longer no more than 24 characters are shown. */
const MAX_LOOKED_AT_CHARACTERS = 10_000;

/**
 * A call as messages name it: `fetch(url=a, depth=2)`. Values are cut to 24 characters and the whole to 80; a value whose
 * name is one of `redact` is left out, and so is the same value under another name.
 *
 * @param secrets what the input has under such names
 */
export function labelOf(
  tool: string,
  input: Encoded | undefined,
  redact: readonly string[],
  secrets = secretsOf(input, redact),
): string {
  if (input === undefined || redactsAll(redact)) return `${tool}(…)`;
  if (typeof input !== "object" || input === null || Array.isArray(input)) return `${tool}(${shown(input)})`;
  let label = `${tool}(`;
  let separator = "";
  for (const key of Object.keys(input)) {
    const value = (input as Readonly<Record<string, Encoded>>)[key];
    label += `${separator}${key}=${isSecretName(key, redact) ? REDACTED : shown(value, secrets)}`;
    if (label.length > MAX_LABEL_CHARACTERS) return `${label.slice(0, MAX_LABEL_CHARACTERS - 2)}…)`;
    separator = ", ";
  }
  return `${label})`;
}

function shown(value: Encoded | undefined, secrets: readonly string[] = []): string {
  if (typeof value !== "string") {
    if (typeof value !== "object" || value === null) return String(value);
    return Array.isArray(value) ? "[…]" : "{…}";
  }
  const clean = withoutSecrets(value.slice(0, MAX_LOOKED_AT_CHARACTERS), secrets);
  return clean.length > MAX_VALUE_CHARACTERS ? `${clean.slice(0, MAX_VALUE_CHARACTERS - 1)}…` : clean;
}
