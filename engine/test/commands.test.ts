import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type CommandTool, createEngine, type Engine } from "../src/index.ts";
import { isRunning, makeLog } from "./support/processes.ts";

function makeEngine(tool: Omit<CommandTool, "name">): Engine {
  const engine = createEngine();
  onTestFinished(() => engine.close({ graceMs: 1 }));
  engine.register({ name: "run", ...tool });
  return engine;
}
const sh = (script: string): CommandTool["command"] => ["sh", "-c", script];

describe("a command", () => {
  it("gets its input as JSON and gives its output as text, without the last line break", async () => {
    const engine = makeEngine({ command: ["cat"] });
    expect(await engine.call("run", { a: [1, "ä"] })).toMatchObject({ status: "succeeded", value: '{"a":[1,"ä"]}' });
    expect(await engine.call("run")).toMatchObject({ value: "" });
    expect(await makeEngine({ command: ["printf", "12\n\n"] }).call("run")).toMatchObject({ value: "12\n" });
  });

  it("that declares JSON gives the value, and fails with the output when it is none", async () => {
    expect(await makeEngine({ command: ["cat"], output: "json" }).call("run", { a: 1 })).toMatchObject({
      value: { a: 1 },
    });
    expect(await makeEngine({ command: ["echo", "nearly {"], output: "json" }).call("run")).toMatchObject({
      failure: { code: "tool-error", message: expect.stringContaining("the output of echo is not JSON: nearly {") },
    });
  });

  it("that fails says its exit code, the last line of its standard error, and keeps the end of the rest", async () => {
    const script = 'i=0; while [ $i -lt 2000 ]; do echo "line $i" >&2; i=$((i+1)); done; echo half; exit 3';
    const outcome = await makeEngine({ command: sh(script), memory: null }).call("run");
    expect(outcome).toMatchObject({
      status: "failed",
      attempts: 1,
      failure: {
        code: "tool-error",
        message: "run failed with CommandError: sh ended with exit code 3: line 1999.",
        crash: { exitCode: 3, signal: null },
      },
    });
    const stack = outcome.status === "succeeded" ? "" : (outcome.failure.error?.stack ?? "");
    expect(stack.length).toBeLessThan(9_000);
    expect(stack).toMatch(/^… \(\d+ bytes before this are not kept\)\n/);
  });

  it("that cannot be started ran no body, and its limit is given back", async () => {
    const engine = makeEngine({ command: ["no-such-program-anywhere"], maxCalls: 1 });
    for (const _ of [1, 2]) {
      expect(await engine.call("run")).toMatchObject({
        attempts: 0,
        failure: { code: "tool-load-failed", message: expect.stringContaining("ENOENT") },
      });
    }
  });

  it("that prints more than its limit is ended, and does not fill the memory", async () => {
    const log = makeLog();
    const script = `echo "started $$" >> ${log.path}; exec yes`;
    const engine = makeEngine({ command: sh(script), maxOutputBytes: 100_000, timeout: "10s" });
    expect(await engine.call("run")).toMatchObject({ failure: { code: "output-quota" } });
    const pid = Number(log.lines()[0]?.split(" ")[1]);
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 2_000 });
  });

  it("runs where and with what environment it is told", async () => {
    const cwd = realpathSync(tmpdir());
    vi.stubEnv("ENDSTOP_TEST_REMOVED", "inherited");
    const env = { ENDSTOP_TEST_ADDED: "added", ENDSTOP_TEST_REMOVED: undefined };
    const script = 'echo "$PWD $ENDSTOP_TEST_ADDED $(printenv ENDSTOP_TEST_REMOVED || echo removed)"';
    expect(await makeEngine({ command: sh(script), cwd, env }).call("run")).toMatchObject({
      value: `${cwd} added removed`,
    });
  });

  it("says where it cannot run", async () => {
    expect(await makeEngine({ command: ["true"], cwd: "/nowhere" }).call("run")).toMatchObject({
      failure: { code: "tool-load-failed", message: expect.stringContaining("its cwd /nowhere is no folder") },
    });
  });

  it("need not read its input", async () => {
    const input = "x".repeat(5_000_000);
    expect(await makeEngine({ command: ["true"] }).call("run", input)).toMatchObject({ value: "" });
  });

  it("leaves nothing behind when it ends, and its answer does not wait for what it left", async () => {
    const script = "sleep 60 & echo $!; setsid sleep 60 & echo $!; env -i setsid sleep 60 & echo $!; sleep 0.5";
    const outcome = await makeEngine({ command: sh(script), memory: null }).call("run");
    const pids = outcome.status === "succeeded" ? String(outcome.value).split("\n").map(Number) : [];
    expect(pids).toHaveLength(3);
    expect(outcome.elapsedMs).toBeLessThan(2_000);
    await vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), { timeout: 2_000 });
  });

  it.each<[unknown, string]>([
    [{ found: new Map([[1, 2]]) }, "its found is a Map"],
    [{ headers: new Headers() }, "its headers is a Headers"],
    [{ n: Number.NaN }, "its n is NaN"],
    [{ run: () => 1 }, "its run is a function"],
  ])("gets no input of which JSON keeps nothing: %j", async (input, text) => {
    expect(await makeEngine({ command: ["cat"] }).call("run", input)).toMatchObject({
      attempts: 0,
      failure: { code: "cannot-move", message: expect.stringContaining(text) },
    });
  });

  it.each([
    [{ command: "ls -l" }, "command must be an array"],
    [{ command: [] }, "command must be an array"],
    [{ command: [""] }, "must name a program"],
    [{ command: ["ls", 3] }, "got 3"],
    [{ command: ["ls"], output: "yaml" }, 'got "yaml"'],
    [{ command: ["ls"], env: { A: 1 } }, "env A"],
    [{ command: ["ls"], maxOutputBytes: 0 }, "maxOutputBytes"],
    [{ command: ["ls"], placement: "host" }, "no function of this process"],
    [{ command: ["ls"], run: () => 1 }, "has no option run"],
    [{ command: ["ls"], comand: 1 }, "has no option comand"],
  ])("with wrong options is refused at once: %j", (tool, text) => {
    expect(() => makeEngine(tool as never)).toThrow(text);
  });
});
