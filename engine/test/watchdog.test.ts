import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const host = fileURLToPath(new URL("./support/blocking-host.ts", import.meta.url));

function stderrOf(how: string, blockMs: number, timeout = 10_000) {
  const { stderr, signal } = spawnSync(process.execPath, [host, how, String(blockMs)], { encoding: "utf8", timeout });
  return { stderr, signal };
}

it.each([
  ["first part", "by grind (call test-1)"],
  ["later part", "while grind (call test-1) was in flight"],
])("the call whose %s blocks the event loop is named, once", (how, blame) => {
  const { stderr } = stderrOf(how, 300);
  expect(stderr.match(/ENDSTOP_BLOCKED_LOOP/g)).toHaveLength(1);
  expect(stderr).toMatch(/The event loop was blocked for \d+ ms /);
  expect(stderr).toContain(blame);
});

it("a call that blocks it for ever is named although the loop never turns again", () => {
  const { stderr, signal } = stderrOf("first part", 3_600_000, 4_000);
  expect(signal).toBe("SIGTERM");
  expect(stderr.trimEnd().split("\n")).toEqual([
    expect.stringContaining("the event loop has been blocked for 500 ms by grind (call test-1)"),
  ]);
});

it.each([
  ["waits", 400],
  ["other code", 400],
  ["first part", 20],
  ["never ends", 0],
])("nothing is printed where no call blocks it: %s", (how, blockMs) => {
  expect(stderrOf(how, blockMs)).toEqual({ stderr: "", signal: null });
});
