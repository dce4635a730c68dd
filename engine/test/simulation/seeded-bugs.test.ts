import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** Bugs as one makes them, put into a copy of the sources: what the simulation must say about each. */
const BUGS = [
  {
    name: "a permit that was borrowed is given back to the cap as well",
    file: "scheduling/grant.ts",
    correct: "grant.holdings.length = 0;",
    wrong: "for (const { cap, lender } of grant.holdings) if (lender) cap.inUse--; grant.holdings.length = 0;",
    violated: "is never exceeded",
  },
  {
    name: "a run that had its turn stays first in the ring",
    file: "scheduling/lane.ts",
    correct: "this.#ring.remove(flow);\n      flow.order = order;\n      this.#ring.push(flow);",
    wrong: "flow.order = order;",
    violated: "runs are served in turn",
  },
  {
    name: "calls behind one that was cancelled are forgotten",
    file: "scheduling/permits.ts",
    correct: "if (ticket.lane.next) returned.lanes.add(ticket.lane);",
    wrong: "",
    violated: "waits only while a cap is full",
  },
  {
    name: "a call that waited is not looked at again before its body starts",
    file: "state/ledger.ts",
    correct: "const unknown = this.#unknownLike(fingerprint) ??",
    wrong: "const unknown = ",
    violated: "no second body runs after an effect that is unknown",
  },
  {
    name: "the first caller that leaves aborts the attempt of all",
    file: "scheduling/single-flight.ts",
    correct: "flight.callers.delete(caller) && flight.callers.size === 0",
    wrong: "flight.callers.delete(caller)",
    violated: "a cancel ends nobody else's call",
  },
  {
    name: "a body that raised is retried, whatever its effect",
    file: "guards/retry-delay.ts",
    correct: 'case "crashed":\n      return isRepeatable(effect);',
    wrong: 'case "crashed":\n      return true;',
    violated: "a body that may have an effect is not retried",
  },
  {
    name: "a cached result is kept past its time to live",
    file: "state/result-cache.ts",
    correct: "ttl: cacheTtlMs ?? 0",
    wrong: "ttl: 10 * (cacheTtlMs ?? 0)",
    violated: "the cache forgets in time",
  },
] as const;

const engine = join(import.meta.dirname, "..", "..");
let copy = "";

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "endstop-simulation-"));
  writeFileSync(join(copy, "package.json"), '{ "type": "module" }');
  symlinkSync(join(engine, "node_modules"), join(copy, "node_modules"));
  for (const folder of ["src", "test"]) cpSync(join(engine, folder), join(copy, folder), { recursive: true });
});

afterAll(() => rmSync(copy, { recursive: true }));

function simulateCopy(): string {
  const main = join(copy, "test", "simulation", "main.ts");
  const { stdout, stderr } = spawnSync(process.execPath, [main, "--seed", "4", "--calls", "20000"], {
    encoding: "utf8",
  });
  return stdout + stderr;
}

describe("the simulation", () => {
  it("finds nothing in the sources as they are", () => {
    expect(simulateCopy()).toContain("every promise kept");
  });

  it.each(BUGS)("finds it when $name", ({ file, correct, wrong, violated }) => {
    const path = join(copy, "src", file);
    const source = readFileSync(path, "utf8");
    expect(source.split(correct)).toHaveLength(2);
    writeFileSync(path, source.replace(correct, wrong));
    try {
      const said = simulateCopy();
      expect(said).toContain("violated: ");
      expect(said).toContain(violated);
    } finally {
      writeFileSync(path, source);
    }
  });
});
