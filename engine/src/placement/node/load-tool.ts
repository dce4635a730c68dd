import { isStandardSchema } from "../../standard-schema.ts";
import type { Tool } from "../../tool.ts";
import type { ToolDescription } from "./messages.ts";

/** @throws TypeError that says what the module lacks */
export function toolOf(module: { readonly tool?: unknown }, url: string): Tool<never> {
  const { tool } = module;
  if (typeof tool !== "object" || tool === null) {
    throw new TypeError(`${url} must export its tool by the name tool: export const tool = { name, run, … }`);
  }
  const { name, run } = tool as Partial<Tool>;
  if (typeof name !== "string" || name === "") throw new TypeError(`${url}: tool name must be a text`);
  if (typeof run !== "function") throw new TypeError(`${url}: tool run must be a function`);
  return tool as Tool<never>;
}

/** What can be told of a tool to another process. */
export function describeTool(tool: Tool<never>): ToolDescription {
  const { name, description, inputSchema, run: _run, ...policy } = tool;
  const isData = typeof inputSchema === "object" && inputSchema !== null && !isStandardSchema(inputSchema);
  return { name, description: description ?? null, inputSchema: isData ? inputSchema : null, policy };
}
