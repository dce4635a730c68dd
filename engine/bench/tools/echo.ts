import type { Tool } from "../../src/index.ts";

/** The same function for every contender. */
export const echo = (input: { readonly n: number }): { readonly n: number } => ({ n: input.n });

export const tool: Tool<{ n: number }> = { name: "echo", readOnly: true, run: echo };
