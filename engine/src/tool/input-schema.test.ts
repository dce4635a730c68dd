import { jsonSchema, lazySchema, zodSchema } from "@ai-sdk/provider-utils";
import { expect, it } from "vitest";
import { z } from "zod";
import { compileInputSchema } from "./input-schema.ts";

const PROPERTIES = { amount: { type: "number" } };
const PAY = { type: "object", properties: PROPERTIES, required: ["amount"] };
const BAD = { amount: "DROP TABLE" };

it.each<[string, unknown]>([
  ["a misspelled keyword", { type: "object", properties: PROPERTIES, requird: ["amount"] }],
  ["one inside", { type: "object", properties: { amount: { type: "number", minimun: 1 } } }],
  ["properties without a type", { properties: PROPERTIES }],
  ["items without a type", { type: "object", properties: { list: { items: { type: "number" } } } }],
  ["a keyword of another type", { type: "object", properties: { amount: { type: "string", minimum: 3 } } }],
  ["a format that is not known", { type: "string", format: "emial" }],
  ["the raw shape of the MCP SDK", { amount: z.number() }],
  ["a Standard Schema inside a JSON Schema", { type: "object", properties: { amount: z.number() } }],
  ["OpenAI's function object", { name: "pay", parameters: PAY }],
  ["an asynchronous schema, whose answer is always true", { ...PAY, $async: true }],
  ["a tuple of draft-07 without $schema", { type: "array", items: [{ type: "number" }] }],
  ["a promise", Promise.resolve(PAY)],
  ["a Map", new Map(Object.entries(PAY))],
  ["an array", [PAY]],
  ["a text", JSON.stringify(PAY)],
  ["a class", class Pay {}],
  ["a function that gives no schema", () => PAY],
  ["a Standard Schema that cannot validate", { "~standard": { version: 1, vendor: "x" } }],
  ["an AI SDK schema that is misspelled", jsonSchema({ type: "object", requird: ["amount"] } as never)],
  ["an AI SDK schema that is not there yet", jsonSchema(Promise.resolve(PAY) as never)],
])("refuses %s", (_, schema) => {
  expect(() => compileInputSchema(schema, "pay")).toThrow(
    /^tool pay inputSchema must be a Standard Schema or a JSON Schema that compiles: ./,
  );
});

it.each<[string, unknown]>([
  ["jsonSchema", jsonSchema(PAY as never)],
  ["jsonSchema of a function", jsonSchema((() => PAY) as never)],
  ["zodSchema", zodSchema(z.object({ amount: z.number() }))],
  ["lazySchema", lazySchema(() => jsonSchema(PAY as never))],
  [
    "jsonSchema with validate",
    jsonSchema(PAY as never, {
      validate: (value) =>
        typeof (value as typeof BAD).amount === "number"
          ? { success: true, value }
          : { success: false, error: new Error("no number") },
    }),
  ],
])("checks inputs by the AI SDK's %s", async (_, schema) => {
  const validate = compileInputSchema(schema, "pay");
  expect(await validate({ amount: 1 })).toEqual({ input: { amount: 1 } });
  expect(await validate(BAD)).toEqual({ detail: expect.stringMatching(/number/) });
});

it("takes a tuple as draft-07 has it in an AI SDK schema, whose draft that is", async () => {
  const validate = compileInputSchema(jsonSchema({ type: "array", items: [{ type: "number" }] }), "pay");
  expect(await validate(["DROP TABLE"])).toHaveProperty("detail");
});

it.each([
  "https://json-schema.org/draft/2020-12/schema",
  "https://json-schema.org/draft/2019-09/schema",
  "http://json-schema.org/draft-07/schema#",
  "http://json-schema.org/draft-06/schema",
])("checks inputs by %s", async ($schema) => {
  const validate = compileInputSchema({ $schema, ...PAY }, "pay");
  expect(await validate({ amount: 1 })).toEqual({ input: { amount: 1 } });
  expect(await validate(BAD)).toEqual({ detail: "amount must be number" });
});

it.each(["http://json-schema.org/draft-04/schema#", "https://example.com/mine", 7])(
  "refuses $schema %s by its name",
  ($schema) => {
    expect(() => compileInputSchema({ $schema, ...PAY }, "pay")).toThrow(
      `$schema must be of one of 2020-12, 2019-09, draft-07, draft-06, got ${typeof $schema === "string" ? `"${$schema}"` : $schema}`,
    );
  },
);

it("takes what is common and checks nothing on purpose: annotations of OpenAPI and those that begin with x-", async () => {
  const schema = {
    ...PAY,
    title: "Pay",
    example: { amount: 1 },
    "x-internal": true,
    properties: { amount: { ...PROPERTIES.amount, "x-unit": "EUR", default: 1, description: "how much" }, "x-a.b": {} },
  };
  expect(await compileInputSchema(schema, "pay")(BAD)).toHaveProperty("detail");
});

it("takes unions of types, nullable and what zod makes", async () => {
  const made = z.toJSONSchema(
    z.object({
      id: z.uuid(),
      at: z.iso.datetime().nullable(),
      tags: z.array(z.string()).optional(),
      of: z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("a") }),
        z.object({ kind: z.literal("b"), n: z.int() }),
      ]),
      rest: z.record(z.string(), z.union([z.string(), z.number()])),
    }),
  );
  const validate = compileInputSchema(JSON.parse(JSON.stringify(made)), "pay");
  const good = { id: crypto.randomUUID(), at: null, of: { kind: "b", n: 1 }, rest: { a: 1 } };
  expect(await validate(good)).toEqual({ input: good });
  expect(await validate({ ...good, at: "yesterday" })).toEqual({
    detail: expect.stringContaining("at must match format"),
  });
  const union = compileInputSchema({ type: ["string", "null"], minLength: 2 }, "pay");
  expect(await union("x")).toHaveProperty("detail");
  const nullable = compileInputSchema({ type: "string", nullable: true }, "pay");
  expect(await nullable(null)).toEqual({ input: null });
});

it("has no names in common between tools: the same $id, outside and inside, says different things", async () => {
  const schemaOf = (type: string) => ({
    $id: "https://example.com/pay",
    type: "object",
    properties: { amount: { $id: "https://example.com/amount", type } },
  });
  const first = compileInputSchema(schemaOf("number"), "first");
  const second = compileInputSchema(schemaOf("string"), "second");
  expect(await first(BAD)).toHaveProperty("detail");
  expect(await second(BAD)).toEqual({ input: BAD });
});

it("keeps nothing of a tool that is gone", async () => {
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const gone = Array.from({ length: 50 }, (_, n) => {
    const schema = { ...PAY, $id: `https://example.com/${n}`, title: `pay ${n}` };
    compileInputSchema(schema, "pay");
    return new WeakRef(schema);
  });
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(gone.filter((each) => each.deref()).length).toBeLessThan(5);
});

it.each<[string, unknown, string]>([
  ["nothing", undefined, "its schema gave undefined instead of a result"],
  ["a text", "fine", 'its schema gave "fine" instead of a result'],
  ["an empty list of issues", { issues: [] }, "its schema gave no reason"],
])("refuses an input of which a schema says %s", async (_, result, detail) => {
  const schema = { "~standard": { version: 1, vendor: "x", validate: () => result } };
  const validate = compileInputSchema(schema, "pay");
  expect(await validate?.({})).toEqual({ detail });
});
