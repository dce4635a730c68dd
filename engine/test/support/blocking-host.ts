// A host whose tool blocks the event loop: for a while, or for ever. Arguments: how, and for how many milliseconds.
import { Watchdog, WatchedCall } from "../../src/execution/host/watchdog.ts";

const [, , how, blockMs = "0"] = process.argv;
const dog = new Watchdog(100);
const call = new WatchedCall("grind", "test-1");
const block = (): void => {
  const untilMs = performance.now() + Number(blockMs);
  while (performance.now() < untilMs);
};
if (how === "first part") {
  for (let round = 0; round < 2; round += 1) dog.run(call, block);
} else if (how === "later part") {
  await dog.run(call, async () => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    block();
    await new Promise((resolve) => setTimeout(resolve, 60));
  });
} else if (how === "other code") {
  dog.run(call, () => {});
  dog.ended(call);
  block();
} else if (how === "waits") {
  await dog.run(call, () => new Promise((resolve) => setTimeout(resolve, Number(blockMs))));
}
if (how !== "never ends") dog.ended(call);
else dog.run(call, () => {}); // in flight for ever: nothing of the watchdog keeps this process
