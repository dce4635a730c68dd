const PREVIEW_CHARACTERS = 200;

/** The start of a result as text, for messages; null where it has no text form. */
export function previewOf(value: unknown): string | null {
  try {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    if (text === undefined) return null;
    return text.length > PREVIEW_CHARACTERS ? `${text.slice(0, PREVIEW_CHARACTERS - 1)}…` : text;
  } catch {
    return null; // a cycle, a bigint, a toJSON that throws: the preview is a convenience
  }
}
