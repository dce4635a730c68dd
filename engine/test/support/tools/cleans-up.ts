import { writeFileSync } from "node:fs";
import type { Tool } from "../../../src/index.ts";

/** Writes down with what reason its signal fired, unless it is too busy to hear it. */
export const tool: Tool<{ file: string; spins?: boolean }> = {
  name: "cleans-up",
  run: ({ file, spins }, { signal }) => {
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => reject(signal.reason));
    if (spins) for (;;);
    return promise.catch((reason) => writeFileSync(file, `${reason.name} ${reason.message} ${reason.code}`));
  },
};
