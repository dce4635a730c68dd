// An agent's loop in TypeScript: what the model asks for goes through the engine, whatever comes of it goes back as text.
// Run it with: node engine/examples/typescript-agent.ts
import { createEngine, modelText } from "endstop";
import { z } from "zod";

interface Ask {
  readonly tool: string;
  readonly input: unknown;
}

/** Takes the place of a model: it polls a job, asks for a page that never comes, and then asks the same thing for ever. */
function model(answers: readonly string[]): Ask | string {
  if (answers.at(-1)?.startsWith("No more tools will run")) return "The job is done; the page was not there.";
  if (answers.length < 3) return { tool: "job_state", input: { job: 7 } };
  return answers.length === 3
    ? { tool: "fetch_page", input: { url: "slow" } }
    : { tool: "search", input: { q: "page" } };
}

await using engine = createEngine({ maxDepth: 4, budgetCalls: 50 });

let percent = 0;
engine.register({
  name: "job_state",
  poller: true,
  inputSchema: z.object({ job: z.number() }),
  run: () => {
    percent += 50;
    return `${Math.min(percent, 100)} %`;
  },
});
engine.register({
  name: "fetch_page",
  timeout: "200ms",
  inputSchema: z.object({ url: z.string() }),
  run: (_input, { signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
});
engine.register({ name: "search", inputSchema: z.object({ q: z.string() }), run: () => "nothing found" });

const run = engine.run();
const answers: string[] = [];
for (let turn = 1; ; turn++) {
  const asked = model(answers);
  if (typeof asked === "string") {
    console.log(asked);
    break;
  }
  const text = modelText(await run.call(asked.tool, asked.input));
  console.log(`${turn} ${asked.tool}: ${text.replaceAll("\n\n", " | ")}`);
  answers.push(text);
}
