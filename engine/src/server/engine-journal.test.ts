import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { FakeClock, settlePromises } from "../../test/support/fake-clock.ts";
import { EngineUsage } from "../state/engine-usage.ts";
import type { AdmittedEntry, EndedEntry } from "../state/entry.ts";
import { replay } from "../state/replay.ts";
import { Run } from "../state/run.ts";
import { EngineJournal } from "./engine-journal.ts";

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "endstop-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const clock = new FakeClock();
const opened = (run: string) => ({ type: "run-opened", atMs: clock.now(), run }) as const;
const admitted = (call: string, run?: string, more: Partial<AdmittedEntry> = {}): AdmittedEntry => ({
  type: "admitted",
  atMs: clock.now(),
  call,
  tool: "t",
  path: ["t"],
  placement: "host",
  timeoutMs: null,
  withinMs: null,
  fingerprint: "f",
  effect: "each-time",
  run,
  rate: null,
  breakerLimit: null,
  probe: false,
  ...more,
});
const ended = (call: string, started = true): EndedEntry => ({
  type: "ended",
  atMs: clock.now(),
  call,
  started,
  failed: false,
  trace: started ? "whole" : "none",
  result: null,
});

function moveAway(path: string): void {
  renameSync(path, `${path}.away`);
  symlinkSync(`${path}.away`, path);
}

function cutBehindLine(path: string): void {
  const lines = readFileSync(path, "latin1").split("\n");
  // The last one is all zeros.
  truncateSync(path, `${lines.slice(0, -2).join("\n")}\n`.length);
}

function makeFolderOf(path: string): void {
  rmSync(path);
  mkdirSync(path);
}

describe("an engine's journal", () => {
  it("gives back what was written, by another process later", () => {
    const directory = makeDirectory();
    const journal = EngineJournal.create(directory, "e", clock);
    for (const entry of [admitted("1"), ended("1"), opened("r"), admitted("2", "r"), admitted("3")])
      journal.append(entry);
    const later = new FakeClock();
    const [, { entries, forgottenAtMs }] = EngineJournal.resume(directory, "e", later);
    const { usage, runs, open } = replay(entries);
    expect([forgottenAtMs === null, usage.of("t"), [...open.keys()].sort()]).toMatchObject([
      true,
      { bodies: 3, inFlight: 2 },
      ["2", "3"],
    ]);
    expect(runs.get("r")).toMatchObject({ bodies: 1 });
  });

  it("is private to its user, and goes with its runs and its engine", async () => {
    const directory = makeDirectory();
    const journal = EngineJournal.create(directory, "e", clock);
    for (const entry of [opened("r"), admitted("1", "r")]) journal.append(entry);
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o077).toBe(0);
    journal.closeRun(new Run("r", 0), new EngineUsage());
    expect(readdirSync(directory)).toHaveLength(2); // a call of it is still in flight
    journal.append(ended("1"));
    await settlePromises(); // what it used is told once its ending has taken effect
    expect(readdirSync(directory)).toEqual(["e.journal"]);
    journal.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it("is kept where ENDSTOP_JOURNALS says", () => {
    const [directory, kept] = [makeDirectory(), makeDirectory()];
    vi.stubEnv("ENDSTOP_JOURNALS", kept);
    const journal = EngineJournal.create(directory, "e", clock);
    for (const entry of [opened("r"), admitted("1", "r"), ended("1")]) journal.append(entry);
    journal.closeRun(new Run("r", 0), new EngineUsage());
    expect(readFileSync(join(kept, "e.r.journal"), "utf8").split("\n")).toHaveLength(5);
  });

  it("counts what runs used that are over, with rate and breaker as they were", () => {
    const directory = makeDirectory();
    const journal = EngineJournal.create(directory, "e", clock);
    const usage = new EngineUsage();
    const run = new Run("r", clock.now());
    const rate = { starts: 2, windowMs: 1_000 };
    journal.append({ type: "run-opened", atMs: run.openedAtMs, run: "r" });
    for (const call of ["1", "2"]) {
      const entry = admitted(call, "r", { rate, breakerLimit: 2 });
      const end = { ...ended(call), failed: true };
      for (const each of [entry, end]) journal.append(each);
      usage.admitted(entry);
      run.admitted(entry);
      usage.ended(entry, end);
      run.ended(entry, end, undefined);
    }
    journal.closeRun(run, usage);
    const { usage: read } = replay(EngineJournal.resume(directory, "e", clock)[1].entries);
    expect(read.of("t")).toMatchObject({ bodies: 2, inFlight: 0, startsMs: usage.of("t").startsMs });
    expect(read.of("t").breaker.value).toBe("open");
  });

  it("counts a call in the run of another engine as one outside any run, with no file for that run", () => {
    const directory = makeDirectory();
    const journal = EngineJournal.create(directory, "e", clock);
    for (const each of [admitted("1", "another's"), ended("1")]) journal.append(each);
    expect(readdirSync(directory)).toEqual(["e.journal"]);
    const { usage, runs } = replay(EngineJournal.resume(directory, "e", clock)[1].entries);
    expect([usage.of("t").bodies, runs.size]).toEqual([1, 0]);
  });

  it("ignores the line that was being written as the engine died, and goes on after it", () => {
    const directory = makeDirectory();
    const journal = EngineJournal.create(directory, "e", clock);
    journal.append(admitted("1"));
    const path = join(directory, "e.journal");
    const descriptor = openSync(path, "r+");
    writeSync(descriptor, '{"type":"admitted","call":"2","to', readFileSync(path, "latin1").lastIndexOf("\n") + 1);
    closeSync(descriptor);
    const [resumed, { entries }] = EngineJournal.resume(directory, "e", clock);
    expect([...replay(entries).open.keys()]).toEqual(["1"]);
    resumed.append(admitted("3"));
    expect([...replay(EngineJournal.resume(directory, "e", clock)[1].entries).open.keys()]).toEqual(["1", "3"]);
  });

  it.each<[string, string, (path: string) => void]>([
    ["its own file is gone", "e", (path) => rmSync(path)],
    ["its own file is empty", "e", (path) => truncateSync(path)],
    ["its own file is no journal", "e", (path) => writeFileSync(path, "{}\n")],
    [
      "its own file is another's of an older version",
      "e",
      (path) => writeFileSync(path, '{"journal":"endstop","version":2}\n'),
    ],
    ["its own file is cut behind a line", "e", cutBehindLine],
    ["its own file leads elsewhere", "e", moveAway],
    ["its own file is a folder", "e", makeFolderOf],
    ["a run's file is gone", "e.r", (path) => rmSync(path)],
    ["a run's file is empty", "e.r", (path) => truncateSync(path)],
    ["a run's file is cut behind a line", "e.r", cutBehindLine],
    ["a run's file is somebody else's", "e.r", (path) => writeFileSync(path, "somebody else's text\n")],
  ])("is not whole where %s, for each engine that follows", (_, name, spoil) => {
    const directory = makeDirectory();
    const journal = EngineJournal.create(directory, "e", clock);
    for (const entry of [opened("r"), admitted("1", "r"), admitted("2")]) journal.append(entry);
    expect(EngineJournal.resume(directory, "e", clock)[1].forgottenAtMs).toBeNull();
    spoil(join(directory, `${name}.journal`));
    for (let engines = 0; engines < 3; engines += 1) {
      const [resumed, { forgottenAtMs }] = EngineJournal.resume(directory, "e", clock);
      expect(forgottenAtMs).not.toBeNull();
      resumed.closeRun(new Run("r", 0), new EngineUsage());
    }
  });

  it("is not whole where it was cut: a call is missing that the client knows to be admitted", () => {
    const directory = makeDirectory();
    const journal = EngineJournal.create(directory, "e", clock);
    const [usage, run] = [new EngineUsage(), new Run("r", 0)];
    for (const entry of [admitted("1", undefined, { id: 1 }), opened("r"), admitted("2", "r", { id: 2 }), ended("2")])
      journal.append(entry);
    const isWhole = (lastId: number) =>
      EngineJournal.resume(directory, "e", clock, true, lastId)[1].forgottenAtMs === null;
    expect(isWhole(2)).toBe(true);
    journal.closeRun(run, usage);
    expect(isWhole(2)).toBe(true); // its entries are gone, and are known to have been there
    expect(isWhole(3)).toBe(false);
    expect(isWhole(0)).toBe(false);
  });

  it("counts a run that was closed once, whether its file is still there or a call of it is in flight", async () => {
    for (const stillOpen of [true, false]) {
      const directory = makeDirectory();
      const journal = EngineJournal.create(directory, "e", clock);
      const [usage, run] = [new EngineUsage(), new Run("r", 0)];
      for (const entry of [admitted("1", "r"), admitted("2", "r")]) {
        usage.admitted(entry);
        run.admitted(entry);
      }
      for (const entry of [opened("r"), admitted("1", "r"), admitted("2", "r"), ended("1")]) journal.append(entry);
      if (!stillOpen) journal.append(ended("2"));
      const file = readFileSync(join(directory, "e.r.journal"));
      journal.closeRun(run, usage);
      if (!stillOpen) writeFileSync(join(directory, "e.r.journal"), file); // lost before it was removed
      for (let engines = 0; engines < 2; engines += 1) {
        const [, { entries, forgottenAtMs }] = EngineJournal.resume(directory, "e", clock);
        expect([forgottenAtMs === null, replay(entries).usage.of("t").bodies, replay(entries).open.size]).toEqual([
          true,
          2,
          stillOpen ? 1 : 0,
        ]);
      }
    }
  });

  it("that was lost while it was compacted is whole", () => {
    const directory = makeDirectory();
    const journal = EngineJournal.create(directory, "e", clock);
    for (const entry of [opened("r"), admitted("1")]) journal.append(entry);
    writeFileSync(join(directory, "e.journal.new"), readFileSync(join(directory, "e.journal")));
    const [, { entries, forgottenAtMs }] = EngineJournal.resume(directory, "e", clock);
    expect([forgottenAtMs === null, entries.length]).toEqual([true, 2]);
    expect(readdirSync(directory).sort()).toEqual(["e.journal", "e.r.journal"]);
  });

  it("counts time on the machine's monotonic clock, and takes what an earlier start of the machine wrote for as late as it can be", () => {
    const directory = makeDirectory();
    const rate = { starts: 3, windowMs: 60_000 };
    const writer = new FakeClock();
    const journal = EngineJournal.create(directory, "e", writer);
    for (const call of ["1", "2"]) journal.append(admitted(call, undefined, { atMs: writer.now(), rate }));
    const startsAgo = (reader: FakeClock): number[] => {
      const [, { entries }] = EngineJournal.resume(directory, "e", reader);
      return replay(entries)
        .usage.of("t")
        .startsMs.map((start) => reader.now() - start);
    };
    // Another process, whose clock has another zero, 20 s later.
    const later = new FakeClock();
    later.machineAheadMs += 20_000;
    expect(startsAgo(later)).toEqual([20_000, 20_000]);
    const rebooted = new FakeClock();
    Object.assign(rebooted, { boot: "b", machineAheadMs: 7 });
    expect(startsAgo(rebooted)).toEqual([0, 0]);
    // A figure that cannot be: nothing was written later than now.
    const behind = new FakeClock();
    behind.machineAheadMs -= 90_000_000;
    expect(startsAgo(behind)).toEqual([0, 0]);
  });

  it("of an engine that had not answered yet may be missing", () => {
    const directory = makeDirectory();
    expect(EngineJournal.resume(directory, "e", clock, false)[1].forgottenAtMs).toBeNull();
    expect(EngineJournal.resume(directory, "f", clock, true)[1].forgottenAtMs).not.toBeNull();
  });

  it("admits nothing while it has no place, and goes on when it has one again", () => {
    const directory = join(makeDirectory(), "later", "still");
    const journal = EngineJournal.create(directory, "e", clock);
    journal.append(opened("r"));
    expect(() => journal.append(admitted("1"))).toThrow("ENOENT");
    mkdirSync(dirname(directory));
    journal.append(admitted("2"));
    expect([...replay(EngineJournal.resume(directory, "e", clock)[1].entries).open.keys()]).toEqual(["2"]);
  });

  it("stays small, however many calls outside any run there are", () => {
    const directory = makeDirectory();
    const journal = EngineJournal.create(directory, "e", clock);
    const usage = new EngineUsage();
    const keep = admitted("kept", undefined, { tool: "open" });
    journal.append(keep);
    usage.admitted(keep);
    for (let at = 0; at < 20_000; at += 1) {
      const [entry, end] = [admitted(`${at}`), ended(`${at}`, at % 2 === 0)];
      for (const each of [entry, end]) journal.append(each);
      usage.admitted(entry);
      usage.ended(entry, end);
      if (at % 1_000 === 0) journal.closeRun(new Run("none", 0), usage);
    }
    journal.closeRun(new Run("none", 0), usage);
    expect(statSync(join(directory, "e.journal")).size).toBeLessThan(5_000_000);
    const { usage: read, open } = replay(EngineJournal.resume(directory, "e", clock)[1].entries);
    expect([read.of("t").bodies, read.of("open").inFlight, [...open.keys()]]).toEqual([10_000, 1, ["kept"]]);
  });
});
