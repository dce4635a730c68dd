import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lostWorkers } from "./lost-workers.ts";

it("finds the folder of an engine that was killed before the host heard of it, and removes it", () => {
  const journals = mkdtempSync(join(tmpdir(), "endstop-test-"));
  const unheard = join(journals, "endstop-abcdef");
  mkdirSync(unheard);
  writeFileSync(join(unheard, "engine.sock"), "");
  writeFileSync(join(unheard, "worker-1.started"), "c1 1 1.5 2 4194305\n");
  writeFileSync(join(journals, "e.journal"), "");
  const mayHaveBegun = lostWorkers([], journals);
  expect(mayHaveBegun("c1", undefined)).toBe(true);
  expect(mayHaveBegun("c2", undefined)).toBe(false);
  expect(readdirSync(journals).sort()).toEqual(["e.journal", "lost-workers.notes"]);
  rmSync(journals, { recursive: true });
});

/** Of no process: it is taken for gone. */
const PID = 2 ** 22 + 1;

describe("a call that was given to a worker of a lost engine", () => {
  it.each([
    ["", 0, false],
    ["before", 1, false],
    ["call", 1, false],
    ["call", 2, true],
    ["of nobody", 1, true],
    ["before and more", 1, true],
  ])("whose note names %j, attempt %d: may have begun: %s", (callId, attempt, begun) => {
    const directory = mkdtempSync(join(tmpdir(), "endstop-test-"));
    const note = join(directory, "worker-1.started");
    writeFileSync(note, `${callId} ${attempt} 0 0 ${PID}\n`);
    const mayHaveBegun = lostWorkers([directory], undefined);
    const given = { type: "given", atMs: 0, call: "call", attempt: 2, note, before: "before" } as const;
    expect(mayHaveBegun("call", given)).toBe(begun);
    rmSync(directory, { recursive: true, force: true });
  });
});
