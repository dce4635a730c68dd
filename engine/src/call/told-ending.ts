import { plainName, plainText } from "../util/plain-text.ts";
import type { Ending } from "./ending.ts";
import { textHash } from "./fingerprint.ts";
import type { CancelledBody, ErrorInfo } from "./outcome.ts";
import { plainFields } from "./plain-fields.ts";

const MAX_DIGEST_CHARACTERS = 256;
const MAX_PREVIEW_CHARACTERS = 200;
const MAX_DETAIL_CHARACTERS = 10_000;
const MAX_MESSAGE_CHARACTERS = 10_100; // Python's own bound, with its note on what it left out
const MAX_STACK_CHARACTERS = 50_100;
const MAX_CAUSES = 10;
/** Errors told of in all: causes, and what an AggregateError holds. */
const MAX_ERRORS = 20;
const MAX_CODE_CHARACTERS = 200;
const BODIES: readonly CancelledBody[] = ["not-started", "stopped", "finished", "effect-unknown"];

type Told = Readonly<Record<string, unknown>>;

/**
 * An ending as another process told it: only what an ending has, its texts bounded and fit for a log.
 *
 * @returns undefined if it is none that the other side may tell
 */
export function toldEnding(told: unknown): Ending | undefined {
  if (typeof told !== "object" || told === null) return undefined;
  const ending = told as Told;
  switch (ending.type) {
    case "returned":
    case "answered": {
      const digest = textOrNull(ending.digest, MAX_DIGEST_CHARACTERS);
      const preview = textOrNull(ending.preview, MAX_PREVIEW_CHARACTERS);
      return digest === undefined || preview === undefined ? undefined : { type: ending.type, digest, preview };
    }
    case "raised":
    case "load-failed": {
      const error = toldError(ending.error);
      return error && { type: ending.type, error };
    }
    case "expired":
      return isFigure(ending.observedMs) ? { type: "expired", observedMs: ending.observedMs } : undefined;
    case "not-run":
    case "invalid":
      return isText(ending.detail) ? { type: ending.type, detail: detailOf(ending.detail) } : undefined;
    case "cannot-move": {
      const { detail, started } = ending;
      if (!isText(detail) || typeof started !== "boolean") return undefined;
      return { type: "cannot-move", detail: detailOf(detail), started };
    }
    case "too-large": {
      const { part, observedBytes, limitBytes, started } = ending;
      if (!isText(part) || !isFigure(observedBytes) || !isFigure(limitBytes) || typeof started !== "boolean")
        return undefined;
      return { type: "too-large", part: plainName(part), observedBytes, limitBytes, started };
    }
    case "cancelled": {
      const body = BODIES.find((known) => known === ending.body);
      return body && isText(ending.detail) ? { type: "cancelled", detail: detailOf(ending.detail), body } : undefined;
    }
    default:
      return undefined;
  }
}

/**
 * The ending with its digest hashed with the host's key: it is written down, and who reads it there cannot try out what a short result may have
 * been. Without a key it stays as it is.
 */
export function withKeyedDigest(ending: Ending, key: string): Ending {
  if (key === "" || (ending.type !== "returned" && ending.type !== "answered") || ending.digest === null) return ending;
  return { ...ending, digest: textHash(`${key}${ending.digest}`) };
}

/** An exception as another process described it; undefined if it is no description. */
export function toldError(
  told: unknown,
  causesLeft = MAX_CAUSES,
  left = { errors: MAX_ERRORS },
): ErrorInfo | undefined {
  if (typeof told !== "object" || told === null) return undefined;
  left.errors -= 1;
  const { name, message, stack, cause, errors, fields } = told as Told;
  const code = codeOf((told as Told).code);
  const status = codeOf((told as Told).status);
  const known = typeof fields === "object" && fields !== null ? plainFields(fields, new Set()) : undefined;
  if (!isText(name) || !isText(message) || !isText(stack)) return undefined;
  const info = {
    name: plainName(name),
    message: plainText(message, MAX_MESSAGE_CHARACTERS),
    stack: plainText(stack, MAX_STACK_CHARACTERS),
    ...(code === undefined ? {} : { code }),
    ...(status === undefined ? {} : { status }),
    ...(known ? { fields: known } : {}),
  };
  const isLast = causesLeft === 0 || left.errors <= 0;
  const hasCause = cause !== undefined && cause !== null && !isLast;
  const toldCause = hasCause ? toldError(cause, causesLeft - 1, left) : undefined;
  if (hasCause && !toldCause) return undefined;
  const held = Array.isArray(errors) && !isLast ? toldErrors(errors, causesLeft - 1, left) : undefined;
  return { ...info, ...(toldCause ? { cause: toldCause } : {}), ...(held ? { errors: held } : {}) };
}

function toldErrors(errors: readonly unknown[], causesLeft: number, left: { errors: number }): ErrorInfo[] {
  const told: ErrorInfo[] = [];
  for (const error of errors) {
    const info = left.errors > 0 ? toldError(error, causesLeft, left) : undefined;
    if (!info) break;
    told.push(info);
  }
  return told;
}

function codeOf(value: unknown): string | number | undefined {
  return isText(value) ? plainName(value, MAX_CODE_CHARACTERS) : typeof value === "number" ? value : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isFigure(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function detailOf(text: string): string {
  return plainText(text, MAX_DETAIL_CHARACTERS);
}

function textOrNull(value: unknown, maxCharacters: number): string | null | undefined {
  if (value === null || value === undefined) return null;
  return isText(value) ? plainText(value, maxCharacters) : undefined;
}
