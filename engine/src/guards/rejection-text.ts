import { codes } from "../call/codes.generated.ts";
import { render } from "../call/describe.ts";
import type { ObservedRejection } from "../call/outcome.ts";
import type { Rejection } from "./guard.ts";

/** A rejection that is not carried out, as its outcome tells it. */
export function observe(tool: string, rejection: Rejection): ObservedRejection {
  return Object.freeze({ code: rejection.code, message: messageOf(tool, rejection) });
}

/** The message of a rejection as a part of another sentence; a tool's name stays as it is written. */
export function asClause(tool: string, rejection: Rejection): string {
  const sentence = messageOf(tool, rejection).replace(/[.:\s]+$/, "");
  return sentence.startsWith(tool) ? sentence : sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

function messageOf(tool: string, { code, figures: { limit, observed, detail } }: Rejection): string {
  return render(codes[code].message, { tool, limit, observed, detail });
}
