import type { StandardSchemaV1 } from "@standard-schema/spec";
import { Ajv, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type InputValidator, isStandardSchema, joinIssues, standardValidator } from "./standard-schema.ts";
import type { JsonSchema } from "./tool.ts";

const OPTIONS: Options = { allErrors: true, strict: false, validateFormats: false, logger: false };
let draft2020: Ajv | undefined;
let draft07: Ajv | undefined;

/** @throws TypeError if the schema is neither a Standard Schema nor a JSON Schema that compiles */
export function compileInputSchema(schema: StandardSchemaV1 | JsonSchema | undefined, tool: string): InputValidator {
  if (schema === undefined) return (input) => ({ input });
  // Standard Schemas are objects, or functions (arktype).
  if ((typeof schema !== "object" && typeof schema !== "function") || schema === null) {
    throw new TypeError(`tool ${tool} inputSchema must be a Standard Schema or a JSON Schema, got ${String(schema)}`);
  }
  return isStandardSchema(schema) ? standardValidator(schema) : jsonSchemaValidator(schema as JsonSchema, tool);
}

function jsonSchemaValidator(schema: JsonSchema, tool: string): InputValidator {
  let validate: ValidateFunction;
  try {
    validate = ajvFor(schema).compile(schema);
  } catch (error) {
    throw new TypeError(`tool ${tool} inputSchema is not a JSON Schema that compiles: ${String(error)}`, {
      cause: error,
    });
  }
  return (input) => {
    if (validate(input)) return { input };
    const issues = (validate.errors ?? []).map(({ instancePath, message, params }) => {
      const where = instancePath.slice(1).replaceAll("/", ".");
      const named = "additionalProperty" in params ? ` (${String(params.additionalProperty)})` : "";
      return `${where === "" ? "input" : where} ${message ?? "does not fit"}${named}`;
    });
    return { detail: joinIssues(issues) };
  };
}

/** One shared instance a draft: compiling an instance is the costly part. */
function ajvFor(schema: JsonSchema): Ajv {
  if (String(schema.$schema ?? "").includes("draft-07")) {
    draft07 ??= new Ajv(OPTIONS);
    return draft07;
  }
  draft2020 ??= new Ajv2020(OPTIONS);
  return draft2020;
}
