import type { Clock } from "../internal/clock.ts";
import type { Entry } from "../run/entry.ts";

/** The first line of every journal file. */
export const JOURNAL_HEADER = { journal: "endstop", version: 1 } as const;

/** One line of a journal: the entry as JSON, its instants in milliseconds since 1970. */
export function encodeLine(entry: Entry, clock: Clock): string {
  return `${JSON.stringify(shifted(entry, clock.wallNow() - clock.now()))}\n`;
}

/**
 * The entries of a journal's text, on this process's monotonic clock. A last line without its line break was being written
 * when the engine died: what it was about to say had not taken effect.
 *
 * @returns undefined if the text is no journal of this version
 */
export function decodeLines(text: string, clock: Clock): Entry[] | undefined {
  const [header, ...lines] = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  const shiftMs = clock.now() - clock.wallNow();
  try {
    if (header !== JSON.stringify(JOURNAL_HEADER)) return undefined;
    return lines.filter((line) => line !== "").map((line) => shifted(JSON.parse(line) as Entry, shiftMs));
  } catch {
    return undefined; // somebody else wrote into it
  }
}

function shifted(entry: Entry, byMs: number): Entry {
  const atMs = rounded(entry.atMs + byMs);
  if (entry.type !== "run-closed") return { ...entry, atMs };
  const tools = Object.entries(entry.tools).map(([tool, { startsMs, breaker, ...used }]) => [
    tool,
    {
      ...used,
      ...(startsMs ? { startsMs: startsMs.map((start) => rounded(start + byMs)) } : {}),
      ...(breaker ? { breaker: { ...breaker, openedAtMs: rounded(breaker.openedAtMs + byMs) } } : {}),
    },
  ]);
  return { ...entry, atMs, tools: Object.fromEntries(tools) };
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
