import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

function linesOf(example: string, runtime: readonly string[] = []): string[] {
  const file = fileURLToPath(new URL(`../examples/${example}`, import.meta.url));
  // Deno's own files stay in the checkout, and it does not look for a newer version.
  const DENO_DIR = fileURLToPath(new URL("../node_modules/.deno", import.meta.url));
  const env = { ...process.env, DENO_DIR, DENO_NO_UPDATE_CHECK: "1" };
  const printed = execFileSync(process.execPath, [...runtime, file], { encoding: "utf8", timeout: 20_000, env });
  return printed.trimEnd().split("\n");
}

/** Deno from its npm package, whose program starts what was downloaded for this system. */
const deno = [createRequire(import.meta.url).resolve("deno/bin.cjs"), "run", "--allow-all", "--quiet"];

it("first-call.ts prints what its reader expects, and ends by itself", () => {
  expect(linesOf("first-call.ts")).toEqual([
    "Sunny in Bern",
    "The input of weather does not fit its schema: city: Invalid input: expected string, received undefined.",
    expect.stringContaining("hung_service gave no answer within 200 ms."),
    "1 Sunny in Basel",
    "2 Sunny in Basel",
    expect.stringContaining("3 Note: weather was called with this input 3 times"),
    "4 repeated-call",
  ]);
});

it.each([
  ["Node", []],
  ["Deno", deno],
])(
  "worker-tool.ts, which uses the built package, prints what its reader expects on %s, and ends by itself",
  (_name, runtime) => {
    const lines = linesOf("worker-tool.ts", runtime);
    expect(lines.with(-1, lines.at(-1)?.replaceAll('"', "'") ?? "")).toEqual([
      "word_count: Counts the words of a text.",
      "3",
      expect.stringContaining("word_count was stopped after 300 ms without a result."),
      "4",
      "{ TEXT: 'DONE' }",
    ]);
  },
);

it("typescript-agent.ts ends with an answer although its model does not", () => {
  const lines = linesOf("typescript-agent.ts");
  expect(lines.slice(0, 3)).toEqual(["1 job_state: 50 %", "2 job_state: 100 %", "3 job_state: 100 %"]);
  expect(lines[3]).toContain("fetch_page gave no answer within 200 ms.");
  expect(lines[7]).toContain("8 search: search was not run: same input, same result 3 times.");
  expect(lines.at(-2)).toContain("No more tools will run");
  expect(lines.at(-1)).toBe("The job is done; the page was not there.");
});
