import type { Entry } from "../state/entry.ts";
import type { Clock } from "../util/clock.ts";
import { isWhole } from "./journal-file.ts";

const JOURNAL = { journal: "endstop", version: 3 } as const;

/** Instants in the lines that follow are those of the writer's clock, whose zero was at `originMs` of the machine's. */
interface Header {
  readonly journal: string;
  readonly version: number;
  readonly originMs: number;
  /** Which start of the machine that is counted from. */
  readonly boot: string;
}

/** The first line of a journal file, and of what another process appends to it. */
export function headerLine(clock: Clock): string {
  const { ms, boot } = clock.machineNow();
  return `${JSON.stringify({ ...JOURNAL, originMs: ms - clock.now(), boot } satisfies Header)}\n`;
}

export function entryLine(entry: Entry): string {
  return `${JSON.stringify(entry)}\n`;
}

/**
 * The entries of a journal's text, on this process's monotonic clock. A last line without its line break was being written
 * when the engine died: what it was about to say had not taken effect.
 *
 * How long ago something was written before the machine was started anew is not known: it is taken for as late as it can be, the last of
 * it for now, so that no rate limit lets more through.
 *
 * @returns undefined if the text is no journal of this version, or was cut
 */
export function decodeLines(text: string, clock: Clock): Entry[] | undefined {
  if (!isWhole(text)) return undefined;
  const sections: Section[] = [];
  try {
    for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n")) {
      if (line === "") continue;
      const parsed = JSON.parse(line) as Entry | Header;
      const section = sections[sections.length - 1];
      if ("journal" in parsed) {
        if (parsed.journal !== JOURNAL.journal || parsed.version !== JOURNAL.version) return undefined;
        sections.push({ header: parsed, entries: [] });
      } else if (section && typeof parsed.atMs === "number") section.entries.push(parsed);
      else return undefined;
    }
  } catch {
    return undefined; // somebody else wrote into it
  }
  if (sections.length === 0) return undefined;
  return sections.flatMap((section) => onClock(section, clock));
}

interface Section {
  readonly header: Header;
  readonly entries: Entry[];
}

function onClock({ header: { originMs, boot }, entries }: Section, clock: Clock): Entry[] {
  const nowMs = clock.now();
  const machine = clock.machineNow();
  const lastMs = entries.reduce((latest, { atMs }) => Math.max(latest, atMs), 0);
  const byMs = boot === machine.boot ? originMs - (machine.ms - nowMs) : nowMs - lastMs;
  // Nothing was written later than now.
  return entries.map((entry) => movedTo(entry, (ms) => Math.min(nowMs, ms + byMs)));
}

function movedTo(entry: Entry, at: (ms: number) => number): Entry {
  const atMs = at(entry.atMs);
  if (entry.type !== "run-closed") return { ...entry, atMs };
  const tools = Object.entries(entry.tools).map(([tool, { startsMs, breaker, ...used }]) => [
    tool,
    {
      ...used,
      ...(startsMs ? { startsMs: startsMs.map(at) } : {}),
      ...(breaker ? { breaker: { ...breaker, openedAtMs: at(breaker.openedAtMs) } } : {}),
    },
  ]);
  return { ...entry, atMs, tools: Object.fromEntries(tools) };
}
