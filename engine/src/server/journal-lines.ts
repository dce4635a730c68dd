import type { Clock } from "../internal/clock.ts";
import type { Entry } from "../run/entry.ts";

const JOURNAL = { journal: "endstop", version: 2 } as const;

/**
 * The first line of a journal file, and of what another process appends to it: instants in the lines after it are those of its
 * monotonic clock, whose zero was at `originMs`, in milliseconds since 1970.
 */
export function headerLine(clock: Clock): string {
  return `${JSON.stringify({ ...JOURNAL, originMs: clock.wallNow() - clock.now() })}\n`;
}

export function entryLine(entry: Entry): string {
  return `${JSON.stringify(entry)}\n`;
}

/**
 * The entries of a journal's text, on this process's monotonic clock. A last line without its line break was being written
 * when the engine died: what it was about to say had not taken effect.
 *
 * @returns undefined if the text is no journal of this version
 */
export function decodeLines(text: string, clock: Clock): Entry[] | undefined {
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  const originMs = clock.wallNow() - clock.now();
  const entries: Entry[] = [];
  let shiftMs: number | undefined;
  try {
    for (const line of lines) {
      if (line === "") continue;
      const parsed = JSON.parse(line) as Entry | (typeof JOURNAL & { readonly originMs: number });
      if ("journal" in parsed) {
        if (parsed.journal !== JOURNAL.journal || parsed.version !== JOURNAL.version) return undefined;
        shiftMs = parsed.originMs - originMs;
      } else if (shiftMs === undefined) return undefined;
      else entries.push(shifted(parsed, shiftMs));
    }
  } catch {
    return undefined; // somebody else wrote into it
  }
  return shiftMs === undefined ? undefined : entries;
}

function shifted(entry: Entry, byMs: number): Entry {
  const atMs = entry.atMs + byMs;
  if (entry.type !== "run-closed") return { ...entry, atMs };
  const tools = Object.entries(entry.tools).map(([tool, { startsMs, breaker, ...used }]) => [
    tool,
    {
      ...used,
      ...(startsMs ? { startsMs: startsMs.map((start) => start + byMs) } : {}),
      ...(breaker ? { breaker: { ...breaker, openedAtMs: breaker.openedAtMs + byMs } } : {}),
    },
  ]);
  return { ...entry, atMs, tools: Object.fromEntries(tools) };
}
