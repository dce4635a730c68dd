import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Tool } from "../../../src/index.ts";

const { searchParams } = new URL(import.meta.url);
/** While a file of this name is there, this module cannot be imported. */
const broken = searchParams.get("broken");
if (broken && existsSync(broken)) throw new Error("its licence server is away");

export const tool: Tool<{ do: string; forMs?: number }> = {
  name: searchParams.get("name") ?? "moody",
  async run({ do: what, forMs = 0 }) {
    if (what === "spin") {
      const untilMs = Date.now() + forMs;
      while (Date.now() < untilMs);
    } else if (what === "sleep") await sleep(forMs);
    else if (what === "die") process.kill(process.pid, "SIGKILL");
    else if (what === "wait") await new Promise(() => setInterval(() => {}, 1_000));
    return process.pid;
  },
};
