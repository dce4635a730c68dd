import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** The lines of a file that bodies append to; the file goes with the test. */
export function makeLog(): { readonly path: string; lines(): string[] } {
  const folder = mkdtempSync(join(tmpdir(), "endstop-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "log");
  return {
    path,
    lines() {
      try {
        return readFileSync(path, "utf8").trimEnd().split("\n");
      } catch {
        return []; // nobody has written yet
      }
    },
  };
}

/** Whether a process runs; a zombie does not. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !"ZX".includes(stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "");
  } catch {
    return false;
  }
}
