// A host whose standard output is a protocol's: only its own lines may be there. Its argument is the engine's workerStdout.
import { createEngine } from "../../src/index.ts";

const workerStdout = process.argv[2] as "stdout" | undefined;
const engine = createEngine(workerStdout ? { workerStdout } : {});
await engine.register(new URL("./probe.ts", import.meta.url));
const { status } = await engine.call("probe", { do: "print" });
await engine.close();
process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", result: status })}\n`);
