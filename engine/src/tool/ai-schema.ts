import type { StandardSchemaV1 } from "@standard-schema/spec";
import { show } from "../util/duration.ts";
import { isStandardSchema } from "./standard-schema.ts";
import type { JsonSchema } from "./tool.ts";

/** By this the AI SDK knows its own schemas. */
const AI_SCHEMA = Symbol.for("vercel.ai.schema");

interface AiSchema {
  readonly jsonSchema: unknown;
  readonly validate?: ((value: unknown) => AiResult | PromiseLike<AiResult>) | undefined;
}

type AiResult =
  | { readonly success: true; readonly value: unknown }
  | { readonly success: false; readonly error: { readonly message: string } };

/**
 * An input schema as one of the two kinds that are checked here. The AI SDK's own (`jsonSchema()`, `zodSchema()`, `lazySchema()`) are taken
 * apart: one that validates itself becomes a Standard Schema, another is the JSON Schema inside, by its draft.
 *
 * @throws TypeError that says what else it is
 */
export function plainSchema(schema: unknown): StandardSchemaV1 | JsonSchema {
  const isFunction = typeof schema === "function";
  if ((typeof schema !== "object" && !isFunction) || schema === null || Array.isArray(schema)) {
    throw new TypeError(`it is ${show(schema)}`);
  }
  // Standard Schemas are objects, or functions (arktype).
  if (isStandardSchema(schema)) return schema;
  if (isFunction) return lazySchema(schema as () => unknown);
  if (AI_SCHEMA in schema) return openAiSchema(schema as unknown as AiSchema);
  const { name = "Object" } = Object.getPrototypeOf(schema)?.constructor ?? {};
  // A promise, a Map: as JSON Schemas they would have no keyword, and every input would do.
  if (name !== "Object" && Object.keys(schema).length === 0) throw new TypeError(`it is a ${name}`);
  return schema as JsonSchema;
}

function lazySchema(make: () => unknown): StandardSchemaV1 | JsonSchema {
  const made = make.length === 0 ? make() : undefined;
  if (typeof made === "object" && made !== null && (AI_SCHEMA in made || isStandardSchema(made)))
    return plainSchema(made);
  throw new TypeError("it is a function that gives no schema");
}

function openAiSchema({ jsonSchema, validate }: AiSchema): StandardSchemaV1 | JsonSchema {
  if (validate) {
    return {
      "~standard": {
        version: 1,
        vendor: "ai",
        validate: async (value) => {
          const result = await validate(value);
          return result.success ? { value: result.value } : { issues: [{ message: result.error.message }] };
        },
      },
    };
  }
  const inside = plainSchema(jsonSchema);
  return isStandardSchema(inside) ? inside : { $schema: "http://json-schema.org/draft-07/schema#", ...inside };
}
