import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it, onTestFinished, vi } from "vitest";
import { createEngine } from "../src/index.ts";
import { OWNER_VARIABLE } from "../src/processes/owner.ts";
import { isRunning, makeLog } from "./support/processes.ts";

const probe = new URL("./support/probe.ts", import.meta.url);

/** Every process of this machine that an engine which descends from `parent` owns, and the wardens of those engines. */
function ownedBelow(parent: number): number[] {
  const found: number[] = [];
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const environment = readFileSync(`/proc/${name}/environ`, "latin1");
      if (environment.includes(`ENDSTOP_TEST_PARENT=${parent}\0`)) found.push(Number(name));
    } catch {} // it has ended, or is another user's
  }
  return found.filter((pid) => pid !== parent && isRunning(pid));
}

async function startedEngine(log: string) {
  const engine = createEngine({ timeout: null });
  await engine.register(probe);
  engine.register({ name: "sleep", command: ["sh", "-c", `echo "started $$" >> ${log}; sleep 60`] });
  const answers = [engine.call("probe", { do: "leave", log }), engine.call("sleep")];
  return { engine, answers };
}

it.each(["close", "destroy"] as const)("no process is left after %s, also none that left its group", async (verb) => {
  vi.stubEnv("ENDSTOP_TEST_PARENT", String(process.pid));
  const log = makeLog();
  const { engine, answers } = await startedEngine(log.path);
  await vi.waitFor(() => expect(log.lines()).toHaveLength(4), { timeout: 5_000 });
  expect(ownedBelow(process.pid).length).toBeGreaterThanOrEqual(5);
  if (verb === "close") await engine.close({ graceMs: 10 });
  else engine.destroy();
  for (const answer of answers) expect(await answer).toMatchObject({ status: "cancelled", attempts: 1 });
  await vi.waitFor(() => expect(ownedBelow(process.pid)).toEqual([]), { timeout: verb === "close" ? 1 : 5_000 });
  expect(OWNER_VARIABLE in process.env).toBe(false);
});

it("no process is left of an engine that was dropped without close, once it is collected", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  vi.stubEnv("ENDSTOP_TEST_PARENT", String(process.pid));
  const use = async (): Promise<void> => {
    const engine = createEngine({ timeout: "10s" });
    await engine.register(probe);
    engine.register({ name: "echo", command: ["echo", "there"] });
    engine.register({ name: "here", run: () => new Promise((resolve) => setTimeout(resolve, 5)) });
    for (const tool of ["echo", "here"]) expect(await engine.call(tool)).toMatchObject({ status: "succeeded" });
    expect(ownedBelow(process.pid).length).toBeGreaterThanOrEqual(2);
  };
  await use();
  await vi.waitFor(
    () => {
      collect();
      expect(ownedBelow(process.pid)).toEqual([]);
    },
    { timeout: 20_000, interval: 100 },
  );
}, 40_000);

it("a warden that is killed is missed with a warning, and the next process has another", async () => {
  vi.stubEnv("ENDSTOP_TEST_PARENT", String(process.pid));
  const warnings: (string | undefined)[] = [];
  const onWarning = (warning: Error & { code?: string }): void => void warnings.push(warning.code);
  process.on("warning", onWarning);
  onTestFinished(() => void process.off("warning", onWarning));
  await using engine = createEngine();
  engine.register({ name: "echo", command: ["echo", "there"] });
  const wardens = (): number[] =>
    ownedBelow(process.pid).filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("warden-main"));
  await engine.call("echo");
  const [warden = 0] = wardens();
  process.kill(warden, "SIGKILL");
  await vi.waitFor(() => expect(warnings).toEqual(["ENDSTOP_NO_WARDEN"]), { timeout: 5_000 });
  expect(await engine.call("echo")).toMatchObject({ value: "there" });
  expect(wardens()).toEqual([expect.any(Number)]);
});

it("no process is left and nothing is printed when the host is killed while its tools spin", async () => {
  const log = makeLog();
  const file = fileURLToPath(new URL("./support/dying-host.ts", import.meta.url));
  const host = spawn(process.execPath, [file, log.path], { stdio: ["ignore", "inherit", "pipe"] });
  onTestFinished(() => void host.kill("SIGKILL"));
  let printed = "";
  host.stderr.on("data", (text) => {
    printed += text;
  });
  await vi.waitFor(() => expect(log.lines()).toHaveLength(5), { timeout: 10_000 });
  const pids = log.lines().map((line) => Number(line.split(" ")[1]));
  expect(pids.filter(isRunning)).toHaveLength(5);
  host.kill("SIGKILL");
  await once(host, "exit");
  await vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), { timeout: 5_000 });
  expect(printed).toBe("");
});
