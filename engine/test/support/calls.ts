import type { Ending } from "../../src/call/ending.ts";
import type { Outcome } from "../../src/call/outcome.ts";
import type { CallRequest } from "../../src/pipeline/call-request.ts";
import { EngineCore } from "../../src/pipeline/core.ts";
import type { EngineOptions, PolicyOptions } from "../../src/policy/policy.ts";
import type { Call } from "../../src/state/call.ts";
import type { Journal } from "../../src/state/journal.ts";
import { Run } from "../../src/state/run.ts";
import { FakeClock } from "./fake-clock.ts";

export const returned = (digest: string | null): Ending => ({ type: "returned", digest, preview: digest });

export const raised = (message: string): Ending => ({ type: "raised", error: { name: "E", message, stack: "" } });

/** A call between its submission and its outcome. */
export interface Submitted {
  readonly call: Call;
  /** Once it has one. */
  outcome: Outcome | undefined;
}

/** The core with one run, driven as a door drives it, on a clock that stands still. */
export class Calls {
  readonly clock = new FakeClock();
  readonly core: EngineCore;
  run: Run;

  constructor(
    engine: EngineOptions = {},
    tools: Readonly<Record<string, PolicyOptions>> = { t: {} },
    journal?: Journal,
    random?: () => number,
  ) {
    this.core = new EngineCore(engine, this.clock, "c", journal, undefined, undefined, random);
    for (const [tool, options] of Object.entries(tools)) this.core.setPolicy(tool, options);
    this.run = new Run("r", this.clock.now());
  }

  submit(request: Partial<CallRequest> = {}): Submitted {
    const submitted: { call?: Call; outcome: Outcome | undefined } = { outcome: undefined };
    submitted.call = this.core.submit({ tool: "t", fingerprint: "f", run: this.run, ...request }, (outcome) => {
      submitted.outcome = outcome;
    });
    return submitted as Submitted;
  }

  /** The code of its rejection, or "admitted". */
  decide(request: Partial<CallRequest> = {}): string {
    return codeOf(this.submit(request));
  }

  end({ call }: Submitted, ending: Ending): void {
    this.core.start(call);
    this.core.end(call, 1, ending);
  }

  /** A whole call: its code if it was rejected, else its notice. */
  make(request: Partial<CallRequest>, ending: Ending): { readonly code: string; readonly notice: string | null } {
    const submitted = this.submit(request);
    if (!submitted.outcome) this.end(submitted, ending);
    return { code: codeOf(submitted), notice: submitted.outcome?.notice ?? null };
  }
}

/** The code of a call's rejection; "admitted" if it was not rejected. */
export function codeOf({ outcome }: Submitted): string {
  return outcome?.status === "rejected" ? outcome.failure.code : "admitted";
}
