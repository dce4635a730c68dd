import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

function linesOf(example: string): string[] {
  const file = fileURLToPath(new URL(`../examples/${example}`, import.meta.url));
  return execFileSync(process.execPath, [file], { encoding: "utf8", timeout: 20_000 }).trimEnd().split("\n");
}

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

it("worker-tool.ts, which uses the built package, prints what its reader expects, and ends by itself", () => {
  expect(linesOf("worker-tool.ts")).toEqual([
    "word_count: Counts the words of a text.",
    "3",
    expect.stringContaining("word_count was stopped after 300 ms without a result."),
    "4",
    "{ TEXT: 'DONE' }",
  ]);
});

it("typescript-agent.ts ends with an answer although its model does not", () => {
  const lines = linesOf("typescript-agent.ts");
  expect(lines.slice(0, 3)).toEqual(["1 job_state: 50 %", "2 job_state: 100 %", "3 job_state: 100 %"]);
  expect(lines[3]).toContain("fetch_page gave no answer within 200 ms.");
  expect(lines[7]).toContain("8 search: search was not run: same input, same result 3 times.");
  expect(lines.at(-2)).toContain("No more tools will run");
  expect(lines.at(-1)).toBe("The job is done; the page was not there.");
});
