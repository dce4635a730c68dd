import { fingerprint } from "../../src/call/fingerprint.ts";
import type { Preset } from "../../src/policy/options.generated.ts";
import type { Call } from "../../src/state/call.ts";
import { Calls, codeOf } from "../support/calls.ts";
import { type Step, TOOLS, type Trace } from "./trace.ts";

/** What came of one call of a trace. */
export interface Replayed {
  readonly step: Step;
  /** `admitted`, or the code of its rejection. */
  readonly code: string;
  readonly notice: string | null;
}

const THINKS_MS = 3_000;

/** Replays a trace through the core under a preset: every call in the order it was made, whatever is rejected. */
export function replay(trace: Trace, preset: Preset): Replayed[] {
  const calls = new Calls({ preset }, TOOLS);
  const replayed: Replayed[] = [];
  const beganAtMs = calls.clock.now();
  let turns = 0;
  const play = (part: Trace, agent: string, parent?: Call): void => {
    for (const steps of part) {
      turns += 1;
      calls.clock.skip(steps[0]?.thinksMs ?? THINKS_MS);
      const submitted = steps.map((step) => {
        const { tool, input, subject } = step;
        const request = {
          tool,
          input,
          subject,
          fingerprint: fingerprint(tool, input),
          agent,
          task: step.task,
          parent,
          turn: `${turns}`,
        };
        return { step, submission: calls.submit(request) };
      });
      for (const { step, submission } of submitted) {
        if (!submission.outcome) {
          if (step.inside) play(step.inside, step.subject ?? "", submission.call);
          calls.clock.skip(step.takesMs ?? 0);
          const { ending } = step;
          calls.end(submission, typeof ending === "function" ? ending(calls.clock.now() - beganAtMs) : ending);
        }
        replayed.push({ step, code: codeOf(submission), notice: submission.outcome?.notice ?? null });
      }
    }
  };
  play(trace, "Ann");
  return replayed;
}

/** The place of the first rejected call, from 1; undefined if none was. */
export function firstRejection(replayed: readonly Replayed[]): number | undefined {
  const at = replayed.findIndex(({ code }) => code !== "admitted");
  return at < 0 ? undefined : at + 1;
}
