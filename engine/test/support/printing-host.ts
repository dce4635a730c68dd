// A host whose tool prints. Its standard error goes where its standard output goes, so that one pipe shows everything.
import { spawnSync } from "node:child_process";
import { createEngine } from "../../src/index.ts";
import { tool } from "./probe.ts";

if (process.argv[3] !== "inner") {
  const { status } = spawnSync(process.execPath, [...process.argv.slice(1, 3), "inner"], { stdio: ["ignore", 1, 1] });
  process.exit(status ?? 1);
}
const engine = createEngine();
if (process.argv[2] === "worker-node") await engine.register(new URL("./probe.ts", import.meta.url));
else engine.register(tool as never);
const outcome = await engine.call("probe", { do: "print" });
process.stdout.write(`the outcome: ${outcome.status} ${outcome.status === "succeeded" ? outcome.value : ""}\n`);
await engine.close();
