/** What steers a terminal, or turns the direction of writing around: control characters, the separators, overrides. */
const STEERING = /(?![\t\n])\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
const STEERING_OR_BREAK = /\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/**
 * A text of somebody else, fit to stand in messages, logs and terminals: bounded, and what could steer a terminal is written out,
 * such as `\x1b`. Line breaks and tabs stay.
 */
export function plainText(text: string, maxCharacters: number): string {
  return cut(text, maxCharacters).replaceAll("\r\n", "\n").replace(STEERING, written);
}

/** The same for a name, which has one line. */
export function plainName(name: string, maxCharacters = 200): string {
  return cut(name, maxCharacters).replace(STEERING_OR_BREAK, written);
}

/** No character is cut in two. */
function cut(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text.toWellFormed();
  return `${text.slice(0, maxCharacters - 1).replace(/[\ud800-\udbff]$/, "")}…`.toWellFormed();
}

function written(sign: string): string {
  const code = sign.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
