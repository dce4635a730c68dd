import type { Tool } from "../../../src/index.ts";

/** Its worker's body calls a tool of the host. */
export const tool: Tool<string> = {
  name: "calls-host",
  run: async (input, { call }) => (await call("t", input)).status,
};
