import { execFileSync, spawn } from "node:child_process";
import type { Tool } from "../../../src/index.ts";

const helper = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
helper.unref();

/** Has a process of its own, and starts one for each call, which ends. */
export const tool: Tool<{ n: number }> = {
  name: "keeper",
  run({ n }) {
    execFileSync("true");
    return { n, worker: process.pid, helperRuns: process.kill(helper.pid as number, 0) };
  },
};
