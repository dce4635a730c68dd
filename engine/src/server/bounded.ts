const MAX_CHARACTERS = 2_000;
const MAX_ITEMS = 100;

/** A copy of what is to be told in which each text and each list is short, for what a frame could not hold. */
export function bounded<Value>(value: Value): Value {
  return shortened(value) as Value;
}

function shortened(value: unknown): unknown {
  if (typeof value === "string") {
    return value.length <= MAX_CHARACTERS ? value : `${value.slice(0, MAX_CHARACTERS).toWellFormed()}…`;
  }
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map(shortened);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shortened(part)]));
}
