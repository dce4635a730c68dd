import { Ajv, type Options, type ValidateFunction } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { show } from "../util/duration.ts";
import { plainSchema } from "./ai-schema.ts";
import { type InputValidator, isStandardSchema, joinIssues, standardValidator } from "./standard-schema.ts";
import type { JsonSchema } from "./tool.ts";

/** Strict: a keyword that checks nothing, since it is misspelled or stands without its type, is an error of the schema. */
const OPTIONS: Options = {
  allErrors: true,
  strictSchema: true,
  strictTypes: true,
  allowUnionTypes: true,
  strictTuples: false,
  logger: false,
};
/** Of OpenAPI: they check nothing and are meant to. So do those that begin with `x-`. */
const ANNOTATIONS = ["discriminator", "example", "externalDocs", "xml"];
const OWN_ANNOTATION = /^x-[a-z0-9_$:-]+$/i;

type Draft = "2020-12" | "2019-09" | "draft-07" | "draft-06";

const INSTANCES: Readonly<Record<Draft, new (options: Options) => Ajv>> = {
  "2020-12": Ajv2020,
  "2019-09": Ajv2019,
  "draft-07": Ajv,
  // Draft-07 took nothing away.
  "draft-06": Ajv,
};
const DIALECT = /^https?:\/\/json-schema\.org\/(?:draft\/(2020-12|2019-09)\/schema|(draft-0[67])\/schema)#?$/;

/** They check schemas themselves, and keep nothing of them: to compile the drafts' own schemas is the costly part. */
const checkers = new Map<Draft, Ajv>();

/**
 * Standard Schemas, JSON Schemas (2020-12, or what `$schema` says: 2019-09, draft-07, draft-06) and those of the AI SDK.
 *
 * @throws TypeError for anything else, and for a JSON Schema that does not compile or has keywords that would check nothing
 */
export function compileInputSchema(schema: unknown, tool: string): InputValidator {
  if (schema === undefined) return (input) => ({ input });
  try {
    const plain = plainSchema(schema);
    return isStandardSchema(plain) ? standardValidator(plain) : jsonSchemaValidator(plain);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TypeError(
      `tool ${tool} inputSchema must be a Standard Schema or a JSON Schema that compiles: ${reason}`,
      {
        cause: error,
      },
    );
  }
}

function jsonSchemaValidator(schema: JsonSchema): InputValidator {
  const validate = compile(schema);
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

/** An instance each: schemas of two tools may have the same `$id`, and each is freed with its tool. */
function compile(schema: JsonSchema): ValidateFunction {
  const draft = draftOf(schema);
  if (schema.$async !== undefined) throw new TypeError("$async is not supported");
  let checker = checkers.get(draft);
  if (!checker) {
    checker = new INSTANCES[draft](OPTIONS);
    checkers.set(draft, checker);
  }
  const { $schema: _draft, ...keywords } = schema;
  checker.validateSchema(keywords, true);
  const ajv = new INSTANCES[draft]({ ...OPTIONS, validateSchema: false });
  addFormats.default(ajv);
  ajv.addVocabulary([...ANNOTATIONS, ...ownAnnotations(schema)]);
  return ajv.compile(schema);
}

/** @throws TypeError for a draft that is not supported, by its name */
function draftOf({ $schema = "https://json-schema.org/draft/2020-12/schema" }: JsonSchema): Draft {
  const [, recent, older] = DIALECT.exec(String($schema)) ?? [];
  if (recent ?? older) return (recent ?? older) as Draft;
  throw new TypeError(`$schema must be of one of ${Object.keys(INSTANCES).join(", ")}, got ${show($schema)}`);
}

/** @throws TypeError for a schema that contains itself */
function ownAnnotations(schema: JsonSchema): Set<string> {
  const names = new Set<string>();
  JSON.stringify(schema, (key, value: unknown) => {
    if (OWN_ANNOTATION.test(key)) names.add(key);
    return value;
  });
  return names;
}
