import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
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
