import type { StandardSchemaV1 } from "@standard-schema/spec";
import { errorInfo } from "../../call/error-info.ts";
import { optionNames } from "../../policy/compile-options.ts";
import { plainSchema } from "../../tool/ai-schema.ts";
import { isStandardSchema } from "../../tool/standard-schema.ts";
import type { JsonSchema, Tool } from "../../tool/tool.ts";
import { show } from "../../util/duration.ts";
import { withInherited } from "../../util/named-values.ts";
import type { ToolDescription } from "./messages.ts";

const KEYS = ["name", "description", "inputSchema", "run", ...optionNames("tool")];

/** @throws TypeError that says what the module lacks */
export function toolOf(module: { readonly tool?: unknown }, url: string): Tool<never> {
  const { tool } = module;
  if (typeof tool !== "object" || tool === null) {
    throw new TypeError(`${url} must export its tool by the name tool: export const tool = { name, run, … }`);
  }
  const { name, run } = tool as Partial<Tool>;
  if (typeof name !== "string" || name === "")
    throw new TypeError(`${url}: tool name must be a text, got ${show(name)}`);
  if (typeof run !== "function") throw new TypeError(`${url}: tool run must be a function, got ${show(run)}`);
  return tool as Tool<never>;
}

/** @throws TypeError that says what the tool has instead of a schema */
export function schemaOf({ name, inputSchema }: Tool<never>): StandardSchemaV1 | JsonSchema | undefined {
  try {
    return inputSchema === undefined ? undefined : plainSchema(inputSchema);
  } catch (error) {
    const reason = errorInfo(error).message;
    throw new TypeError(`tool ${name} inputSchema must be a Standard Schema or a JSON Schema: ${reason}`, {
      cause: error,
    });
  }
}

/** What can be told of a tool to another process. */
export function describeTool(tool: Tool<never>, schema: StandardSchemaV1 | JsonSchema | undefined): ToolDescription {
  const { name, description, inputSchema: _inputSchema, run: _run, ...policy } = withInherited(tool, KEYS);
  const isData = schema !== undefined && !isStandardSchema(schema);
  return { name, description: description ?? null, inputSchema: isData ? schema : null, policy };
}
