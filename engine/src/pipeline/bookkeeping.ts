import { codes } from "../call/codes.generated.ts";
import type { Ending } from "../call/ending.ts";
import { noticeFor, noticesAtOnce } from "../guards/admission.ts";
import type { Rejection } from "../guards/guard.ts";
import { asClause } from "../guards/rejection-text.ts";
import type { Policy } from "../policy/policy.ts";
import type { Call } from "../state/call.ts";
import type { EngineUsage } from "../state/engine-usage.ts";
import type { AdmittedEntry } from "../state/entry.ts";
import type { Journal } from "../state/journal.ts";
import type { KeptResult } from "../state/kept-result.ts";
import type { LoopTicket, SeenCall } from "../state/loop-history.ts";
import type { Run } from "../state/run.ts";
import type { Clock } from "../util/clock.ts";
import type { CallRequest } from "./call-request.ts";
import { admittedEntry, endedEntry } from "./entry-of.ts";

/** An admitted call, as it was written down. */
export interface Booked {
  readonly admitted: AdmittedEntry;
  /** Where loops are looked for. */
  readonly ticket: LoopTicket | undefined;
}

/** Whether a body has ended in a way of which the outcome is certain before it is written down: without a notice, under no name. */
export function isPlainResult(
  { policy, requestId, idempotencyKey }: Call,
  { ticket }: Booked,
  ending: Ending,
): boolean {
  if (ending.type !== "returned" || requestId !== undefined || idempotencyKey !== undefined || !policy) return false;
  return !ticket || !ending.digest || (!ticket.familiar.includes(ending.digest) && !noticesAtOnce(policy));
}

/** Writes down what changes counts and histories, and then lets it take effect. */
export class Bookkeeping {
  readonly usage: EngineUsage;
  readonly #clock: Clock;
  readonly #journal: Journal;

  constructor(usage: EngineUsage, clock: Clock, journal: Journal) {
    this.usage = usage;
    this.#clock = clock;
    this.#journal = journal;
  }

  /** @param isAnswered a kept result answers it */
  admit(call: Call, request: CallRequest, policy: Policy, seen: SeenCall | undefined, isAnswered: boolean): Booked {
    const admitted = admittedEntry(call, request, policy, seen, this.usage.of(call.tool), isAnswered);
    this.#journal.append(admitted);
    this.usage.admitted(admitted);
    return { admitted, ticket: call.run?.admitted(admitted) };
  }

  /** Another attempt follows. @param started whether the one before was */
  retry({ id, run }: Call, { admitted }: Booked, attempt: number, started: boolean): void {
    const entry = { type: "retried", atMs: this.#clock.now(), call: id, attempt, started } as const;
    this.#journal.append(entry);
    this.usage.retried(admitted, entry);
    run?.retried(admitted, entry);
  }

  /** An attempt is about to be sent to a worker. @param note names where that one says that it has begun */
  give({ id }: Call, attempt: number, note: string, before: string): void {
    this.#journal.append({ type: "given", atMs: this.#clock.now(), call: id, attempt, note, before });
  }

  /**
   * @param atMs when
   * @param kept the result, if it was kept
   * @returns the notice that the model gets beside the result
   */
  end(
    call: Call,
    { admitted, ticket }: Booked,
    ending: Ending,
    atMs: number,
    kept: KeptResult | undefined,
  ): string | null {
    const { run, policy } = call;
    const entry = endedEntry(call, ending, atMs, ticket !== undefined, kept);
    // What frameworks may repeat is every call of theirs: their results would fill the journal.
    this.#journal.append(entry.stored && call.idempotencyKey === undefined ? { ...entry, stored: undefined } : entry);
    this.usage.ended(admitted, entry);
    run?.ended(admitted, entry, ticket);
    if (!run || !policy || !ticket || !entry.result) return null;
    // Its caller could not have seen that it repeats something.
    if (!ticket.familiar.includes(entry.result.digest) && !noticesAtOnce(policy)) return null;
    const { agent, task, tool } = admitted;
    return noticeFor({ tool, policy, fingerprint: ticket.entry.fingerprint, history: run.history(agent, task) });
  }

  endRun(run: Run, reason: string): void {
    this.#journal.append({ type: "run-ended", atMs: this.#clock.now(), run: run.id, reason });
    run.endedBecause = reason;
  }

  endAgent(run: Run, { agent, task }: CallRequest, reason: string): void {
    const entry = { type: "agent-ended", atMs: this.#clock.now(), run: run.id, agent, task, reason } as const;
    this.#journal.append(entry);
    run.agentEnded(entry);
  }

  /**
   * One mechanism for all guards: what the model does not heed is rejected, and rejections in a row are a reason to end the agent at
   * its task.
   *
   * @returns the reason, or null
   */
  reject(
    rejection: Rejection,
    run: Run,
    { agent, task, turn, tool }: CallRequest,
    policy: Policy,
    seen: SeenCall | undefined,
    atMs: number,
  ): string | null {
    const { code } = rejection;
    if (code === "agent-ended" || code === "run-ended") return null;
    if (codes[code].retryable && code !== "same-failure") return null;
    const entry = { type: "rejected", atMs, run: run.id, agent, task, turn, tool, code, seen } as const;
    this.#journal.append(entry);
    run.rejected(entry);
    const { rejectionsToEndAgent: limit } = policy;
    const rejections = run.history(agent, task).rejectionsInRow;
    if (codes[code].retryable || limit === null || rejections < limit) return null;
    return `${rejections} calls in a row were rejected, the last because ${asClause(tool, rejection)}`;
  }
}
