import { jsonSchema, lazySchema, zodSchema } from "@ai-sdk/provider-utils";
import { z } from "zod";
import type { JsonSchema } from "../../../src/index.ts";

/** The schema that the query of its URL names. */
const kind = new URL(import.meta.url).search.slice(1);
const PAY = { type: "object" as const, properties: { amount: { type: "number" as const } }, required: ["amount"] };
const SCHEMAS: Readonly<Record<string, unknown>> = {
  json: jsonSchema(PAY),
  zod: zodSchema(z.object({ amount: z.number() })),
  lazy: lazySchema(() => jsonSchema(PAY)),
  function: () => PAY,
  misspelled: { type: "object", requird: ["amount"] },
  null: null,
};

export const tool = { name: kind, inputSchema: SCHEMAS[kind] as JsonSchema, run: () => "paid" };
