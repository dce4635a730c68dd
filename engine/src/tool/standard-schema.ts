import type { StandardSchemaV1 } from "@standard-schema/spec";
import { show } from "../util/duration.ts";

export type Validation = { readonly input: unknown } | { readonly detail: string };

/** Checks one input. The detail of a refusal names each part that does not fit. */
export type InputValidator = (input: unknown) => Validation | Promise<Validation>;

const MAX_ISSUES = 10;

/** @throws TypeError if it calls itself a Standard Schema and has no `validate` */
export function isStandardSchema(schema: object): schema is StandardSchemaV1 {
  if (!("~standard" in schema)) return false;
  const { validate } = (schema["~standard"] ?? {}) as Partial<StandardSchemaV1.Props>;
  if (typeof validate !== "function") throw new TypeError("it is a Standard Schema without a validate function");
  return true;
}

export function standardValidator(schema: StandardSchemaV1): InputValidator {
  return (input) => {
    const result: unknown = schema["~standard"].validate(input);
    // Any thenable: a promise of a library or of another realm is none of ours.
    return isObject(result) && "then" in result ? Promise.resolve(result).then(judge) : judge(result);
  };
}

/** What a library's own code returns is not what its type says, until it was looked at. */
function judge(result: unknown): Validation {
  if (!isObject(result)) return { detail: `its schema gave ${show(result)} instead of a result` };
  const { issues, value } = result as { readonly issues?: readonly StandardSchemaV1.Issue[]; readonly value?: unknown };
  if (!issues) return { input: value };
  return { detail: issues.length === 0 ? "its schema gave no reason" : joinIssues(issues.map(describeIssue)) };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function describeIssue({ path, message }: StandardSchemaV1.Issue): string {
  const where = (path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment)).join(".");
  return where === "" ? message : `${where}: ${message}`;
}

/** The first ten issues in one line. */
export function joinIssues(issues: readonly string[]): string {
  const shown = issues.slice(0, MAX_ISSUES).join("; ");
  return issues.length > MAX_ISSUES ? `${shown}; and ${issues.length - MAX_ISSUES} more` : shown;
}
