import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const example = fileURLToPath(new URL("../examples/first-call.ts", import.meta.url));

it("first-call.ts prints what its reader expects, and ends by itself", () => {
  const printed = execFileSync(process.execPath, [example], { encoding: "utf8", timeout: 20_000 });
  expect(printed.trimEnd().split("\n")).toEqual([
    "Sunny in Bern",
    "The input of weather does not fit its schema: city: Invalid input: expected string, received undefined.",
    expect.stringContaining("hung_service gave no answer within 200 ms."),
    "1 Sunny in Basel",
    "2 Sunny in Basel",
    expect.stringContaining("3 Note: weather was called with this input 3 times"),
    "4 repeated-call",
  ]);
});
