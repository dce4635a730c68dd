// A host that is killed while its tools spin. Says when they do.
import { createEngine } from "../../src/index.ts";

const [, , log = ""] = process.argv;
const engine = createEngine({ timeout: null });
await engine.register(new URL("./probe.ts", import.meta.url));
engine.register({ name: "spin", command: ["sh", "-c", `echo "started $$" >> ${log}; while :; do :; done`] });
void engine.call("probe", { do: "spin", log });
void engine.call("probe", { do: "leave", log });
void engine.call("spin");
