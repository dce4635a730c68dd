import type { Ending } from "./ending.ts";

/** How one call ended, as far as loops are concerned. */
export interface Result {
  /** Equal for results that are the same, and only for those. */
  readonly digest: string;
  readonly failed: boolean;
  /** The beginning of it, for the model; null where it has no short form. */
  readonly preview: string | null;
}

const MAX_PREVIEW_CHARACTERS = 200;
/** A message is compared up to here. */
const MAX_COMPARED_CHARACTERS = 1_000;

/** What counts as the result of a call in loop detection, or null: a failure that repeats is a repetition, too. */
export function resultOf(ending: Ending): Result | null {
  switch (ending.type) {
    case "returned":
    case "answered":
      return ending.digest === null ? null : { digest: ending.digest, failed: false, preview: ending.preview };
    case "shared":
      return resultOf(ending.ending);
    case "raised": {
      const { name, message } = ending.error;
      const preview = `${name}: ${message}`.slice(0, MAX_PREVIEW_CHARACTERS);
      return { digest: ending.digest ?? `raised ${name}: ${withoutFigures(message)}`, failed: true, preview };
    }
    case "expired":
      return { digest: ending.type, failed: true, preview: "no answer before the deadline" };
    case "crashed":
      return { digest: ending.type, failed: true, preview: "its worker crashed" };
    case "over-quota":
      return { digest: `${ending.type} ${ending.quota}`, failed: true, preview: `it passed its ${ending.quota} quota` };
    case "invalid":
      return {
        digest: `invalid ${withoutFigures(ending.detail)}`,
        failed: true,
        preview: ending.detail.slice(0, MAX_PREVIEW_CHARACTERS),
      };
    default:
      return null;
  }
}

/** Whether the tool did not do its work, for its breaker and the run's budget of failures. */
export function isFailure(ending: Ending): boolean {
  switch (ending.type) {
    case "raised":
    case "expired":
    case "crashed":
    case "over-quota":
    case "load-failed":
    case "too-large":
      return true;
    case "cannot-move":
      return ending.started;
    case "shared":
      return isFailure(ending.ending);
    default:
      return false;
  }
}

/** Two failures are the same if they differ only in numbers and quoted parts: an address, an id, a time. */
export function withoutFigures(message: string): string {
  return message
    .slice(0, MAX_COMPARED_CHARACTERS)
    .replace(/'[^']*'|"[^"]*"|`[^`]*`/g, "''")
    .replace(/\d+/g, "#");
}
