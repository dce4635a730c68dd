// Run it with: node engine/examples/first-call.ts
import { createEngine } from "endstop";
import { z } from "zod";

await using engine = createEngine({ timeout: "30s", maxDepth: 4 });

engine.register({
  name: "weather",
  inputSchema: z.object({ city: z.string() }),
  run: ({ city }) => `Sunny in ${city}`,
});

engine.register({
  name: "hung_service",
  timeout: "200ms",
  run: () => new Promise(() => {}),
});

const run = engine.run();

const answer = await run.call("weather", { city: "Bern" });
console.log(answer.status === "succeeded" ? answer.value : answer.failure.message);

const wrong = await run.call("weather", { town: "Bern" });
console.log(wrong.status === "succeeded" ? wrong.value : wrong.failure.message);

const hung = await run.call("hung_service");
console.log(hung.status === "succeeded" ? hung.value : hung.failure.forModel);

for (let round = 1; round <= 4; round += 1) {
  const again = await run.call("weather", { city: "Basel" });
  console.log(round, again.status === "succeeded" ? (again.notice ?? again.value) : again.failure.code);
}
