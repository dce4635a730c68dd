import type { Ending } from "../call/ending.ts";
import type { Policies, Policy } from "../policy/policy.ts";
import { type ClaimListener, Claims } from "../scheduling/claims.ts";
import { Flights } from "../scheduling/flights.ts";
import type { PermitCount } from "../scheduling/permits.ts";
import type { Call } from "../state/call.ts";
import type { AdmittedEntry } from "../state/entry.ts";
import type { CachedResult } from "../state/result-cache.ts";
import type { Clock } from "../util/clock.ts";
import type { Attempts } from "./attempts.ts";
import { timeoutAfterWait } from "./call-request.ts";

/** What an engine has to do at one moment. */
export interface CoreLoad {
  readonly inFlight: number;
  /** Of those, the ones that wait for permits. */
  readonly waiting: number;
  /** By name: `engine`, `tool search`, `resource database`. */
  readonly permits: Readonly<Record<string, PermitCount>>;
}

/** What becomes of a call that waits for its turn, if it does not begin. */
export interface TurnListener {
  waits(call: Call): void;
  /** What an identical call gave answers it. */
  answer(call: Call, result: CachedResult): void;
  end(call: Call, ending: Ending): void;
}

/** The turns of admitted calls: first an identical call under way, then permits, then whether the effect of another is unknown by now. */
export class Turns {
  readonly claims: Claims;
  readonly #flights: Flights;
  readonly #attempts: Attempts;
  readonly #clock: Clock;
  readonly #listener: TurnListener;

  /** @throws RangeError as {@link Claims} does */
  constructor(policies: Policies, attempts: Attempts, clock: Clock, listener: TurnListener) {
    this.claims = new Claims(policies, clock);
    this.#flights = new Flights(clock);
    this.#attempts = attempts;
    this.#clock = clock;
    this.#listener = listener;
  }

  /** `begin` is told when the body may start: now, if nothing is in the way, and for each further attempt. */
  take(call: Call, policy: Policy, entry: AdmittedEntry, begin: () => void): void {
    if (policy.cache && this.#follows(call, policy, entry, begin)) this.#listener.waits(call);
    else this.#claim(call, policy, entry, begin);
  }

  /** The first body of a call has begun. */
  begun(call: Call): void {
    if (call.policy?.cache) this.#flights.begun(call);
  }

  /** The call has its outcome. `kept`: its result, if others can be answered with it. */
  ended(call: Call, ending: Ending, kept: CachedResult | undefined): void {
    if (call.policy?.cache) this.#flights.ended(call, ending, kept);
  }

  #follows(call: Call, policy: Policy, entry: AdmittedEntry, begin: () => void): boolean {
    return this.#flights.join(call, policy, {
      lead: () => this.#claim(call, policy, entry, begin),
      answer: (result) => this.#listener.answer(call, result),
      end: (ending) => this.#listener.end(call, ending),
    });
  }

  #claim(call: Call, policy: Policy, entry: AdmittedEntry, begin: () => void): void {
    // One that waited for another may have ended meanwhile.
    if (call.state.type !== "admitted") return;
    const turn = new Turn(this, call, policy, entry, begin);
    this.claims.take(call, policy, turn);
    if (turn.isAwaited) this.#listener.waits(call);
  }

  /** It has come. */
  begin({ call, policy, entry, start }: Turn): void {
    if (this.#isUnknown(call, policy, entry)) return;
    call.timeoutMs = timeoutAfterWait(call, this.#clock.now());
    if (policy.maxAttempts > 1) this.#attempts.begins(call, () => this.#isUnknown(call, policy, entry) || start());
    start();
  }

  /** It will not come. */
  fail({ call }: Turn, ending: Ending): void {
    this.#listener.end(call, ending);
  }

  /** Ends a call if one with its input, which it waited behind, ended in a way that nobody knows. */
  #isUnknown(call: Call, policy: Policy, entry: AdmittedEntry): boolean {
    const decision = call.byCode || policy.mode === "observe" ? undefined : call.run?.ledger.decideAtStart(entry);
    if (decision?.type !== "effect-unknown") return false;
    this.#listener.end(call, decision);
    return true;
  }
}

/** One of a call. */
class Turn implements ClaimListener {
  readonly call: Call;
  readonly policy: Policy;
  readonly entry: AdmittedEntry;
  readonly start: () => void;
  isAwaited = true;
  readonly #turns: Turns;

  constructor(turns: Turns, call: Call, policy: Policy, entry: AdmittedEntry, start: () => void) {
    this.#turns = turns;
    this.call = call;
    this.policy = policy;
    this.entry = entry;
    this.start = start;
  }

  begin(): void {
    this.isAwaited = false;
    this.#turns.begin(this);
  }

  fail(ending: Ending): void {
    this.isAwaited = false;
    this.#turns.fail(this, ending);
  }
}
