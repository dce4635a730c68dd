// Run it with: node engine/examples/worker-tool.ts
import { createEngine } from "endstop";

await using engine = createEngine();

// The first worker imports the module and says what its tool is.
const { name, description } = await engine.register(new URL("./tools/word-count.ts", import.meta.url));
console.log(`${name}: ${description}`);

// An executable is a tool as well: JSON on its standard input, the result on its standard output.
engine.register({ name: "shout", command: ["tr", "a-z", "A-Z"], output: "json" });

const run = engine.run();

const counted = await run.call("word_count", { text: "every call ends" });
console.log(counted.status === "succeeded" ? counted.value : counted.failure.message);

const spinning = await run.call("word_count", { text: "", forever: true }, { timeout: "300ms" });
console.log(spinning.status === "succeeded" ? spinning.value : spinning.failure.forModel);

const next = await run.call("word_count", { text: "the next call works" });
console.log(next.status === "succeeded" ? next.value : next.failure.message);

const shouted = await run.call("shout", { text: "done" });
console.log(shouted.status === "succeeded" ? shouted.value : shouted.failure.message);
