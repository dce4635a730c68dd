import type { Ending } from "../call/ending.ts";
import type { ObservedRejection, Outcome, Placement } from "../call/outcome.ts";
import type { Encoded } from "../call/values.ts";
import type { EffectiveLimit, EngineOptions, PolicyOptions } from "../policy/policy.ts";
import type { Call } from "../state/call.ts";
import type { CallInFlight } from "../state/in-flight.ts";
import type { IfReturned } from "../state/outcome-of.ts";
import type { EngineStats } from "../telemetry/engine-stats.ts";

export interface Hello {
  readonly type: "hello";
  readonly protocol: number;
  readonly version: string;
  readonly pid: number;
  readonly python: {
    /** Null where there is none to be started: `refusal` says why. */
    readonly executable: string | null;
    readonly refusal?: string;
    readonly environment?: Readonly<Record<string, string>>;
    readonly flags?: readonly string[];
  };
  readonly stdout: number | null;
  /** Made by the client, private to its user, for the journals; none where it cannot make one. */
  readonly directory?: string;
  /** Of the client alone, the same for each of its engines: with it fingerprints and idempotency keys are hashed. */
  readonly key?: string;
  /** Directories of engines of this client that were lost. */
  readonly lost?: readonly string[];
}

export interface CallMessage {
  readonly type: "call";
  readonly id: number;
  readonly engine: string;
  readonly tool: string;
  readonly input?: Encoded;
  /** Where the input cannot be sent: its values that `redact` hides. */
  readonly secrets?: readonly string[];
  readonly run?: string;
  readonly parent?: string;
  readonly agent?: string;
  readonly task?: string;
  readonly agentName?: string;
  readonly turn?: string;
  readonly requestId?: string;
  readonly idempotencyKey?: string;
  readonly subject?: string;
  readonly byCode?: boolean;
  readonly timeoutMs?: number | null;
  readonly withinMs?: number;
  readonly stuckBodies?: number;
  readonly failedDependency?: string;
  readonly debug?: boolean;
  /** On the host its body follows its admission at once. Else, if it has not begun soon, its client says `waits`, and asks by `begins` first. */
  readonly atOnce?: boolean;
  readonly load?: string;
}

export type FromClient =
  | Hello
  | {
      readonly type: "open-engine";
      readonly engine: string;
      readonly options: EngineOptions;
      /** It was open on an engine that is lost: whether that one had answered it, and the calls that its client has not given up. */
      readonly resume?: {
        readonly answered: boolean;
        readonly lastAdmitted?: number;
        readonly calls: readonly number[];
      };
    }
  | { readonly type: "close-engine"; readonly engine: string }
  | { readonly type: "register"; readonly engine: string; readonly tool: string; readonly policy: PolicyOptions }
  | { readonly type: "load"; readonly key: string; readonly modules: readonly string[] }
  | {
      readonly type: "open-run";
      readonly engine: string;
      readonly run: string;
      readonly resume?: boolean;
      /** It is the run of the guest's call, if that has one. */
      readonly joins?: boolean;
    }
  | { readonly type: "end-run"; readonly engine: string; readonly run: string; readonly reason: string }
  | { readonly type: "close-run"; readonly engine: string; readonly run: string }
  | {
      readonly type: "describe";
      readonly id: number;
      readonly engine: string;
      readonly tool: string;
      readonly agent?: string;
    }
  | { readonly type: "stats"; readonly id: number; readonly engine: string }
  | CallMessage
  | { readonly type: "invite"; readonly id: number; readonly call: string }
  | {
      readonly type: "start";
      readonly id: number;
      readonly load: string;
      /** How long the client took to make the tool and its arguments ready; none is not at all. */
      readonly preparedMs?: number;
    }
  | {
      readonly type: "ended";
      readonly id: number;
      readonly attempt: number;
      readonly ending: Ending;
      /** Said before to an engine that is lost: refused if this one does not know the call. */
      readonly again?: boolean;
      /** Then: the values of the call's input that `redact` hides, which this one has not seen. */
      readonly secrets?: readonly string[];
      /** The client knows the outcome by `ifReturned`: none is sent. */
      readonly quiet?: boolean;
    }
  | { readonly type: "pause" | "resume"; readonly call: string }
  | { readonly type: "waits" | "begins"; readonly id: number }
  | { readonly type: "ping" }
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "withdraw"; readonly id: number }
  | { readonly type: "cancel-call"; readonly engine: string; readonly call: string }
  | { readonly type: "calls"; readonly id: number; readonly engine: string };

/** An outcome as it travels: the value of a success is in the body, or never left the host. */
export type OutcomeHeader = Outcome extends infer Each ? Omit<Each, "value"> : never;

export type ToClient =
  | { readonly type: "ready"; readonly protocol: number; readonly version: string; readonly pid: number }
  | {
      readonly type: "refused";
      readonly about: string;
      readonly id?: number;
      readonly engine?: string;
      readonly message: string;
    }
  | {
      readonly type: "admitted";
      readonly id: number;
      readonly callId: string;
      readonly attempt: number;
      readonly placement: Placement;
      readonly timeoutMs: number | null;
      /** How long it waited for its turn, a further attempt also for its delay. None where it is told again. */
      readonly waitedMs?: number | undefined;
      readonly cancelGraceMs: number;
      /** The result is to come with its ending, pickled, if it is not larger and loses nothing by that; none is: not at all. */
      readonly keepBytes?: number | undefined;
      /** On the host: what is known of its outcome, if its body returns. */
      readonly ifReturned?: ToldIfReturned | undefined;
    }
  | {
      readonly type: "outcome";
      readonly id: number;
      readonly outcome: OutcomeHeader;
      /** How long the client may take to rebuild the body; null is no limit, none there is no body. */
      readonly rebuildMs?: number | null | undefined;
    }
  | {
      readonly type: "described";
      readonly id: number;
      readonly limits: Readonly<Record<string, EffectiveLimit>> | null;
    }
  | { readonly type: "calls"; readonly id: number; readonly calls: readonly CallInFlight[] }
  | { readonly type: "stats"; readonly id: number; readonly stats: EngineStats }
  | { readonly type: "invited"; readonly id: number; readonly socket: string; readonly token: string }
  | { readonly type: "pong" }
  | { readonly type: "directory"; readonly path: string };

/** {@link IfReturned} as it travels, with what else of the outcome the client does not know. */
export interface ToldIfReturned {
  readonly path: readonly string[];
  readonly attempts: number;
  readonly maxResultBytes: number | null;
  readonly observed?: readonly ObservedRejection[] | undefined;
  readonly unless: readonly string[];
}

export function toldIfReturned({ path, policy }: Call, known: IfReturned | undefined): ToldIfReturned | undefined {
  if (!known) return undefined;
  const observed = known.observed.length > 0 ? known.observed : undefined;
  const maxResultBytes = policy?.maxResultBytes ?? null;
  return { path, attempts: known.attempts, maxResultBytes, observed, unless: known.unless };
}

/** JSON leaves out what is undefined. */
export function headerOf(outcome: Outcome): OutcomeHeader {
  const header: Outcome = outcome.status === "succeeded" ? { ...outcome, value: undefined } : outcome;
  return header;
}

/** Sends to the client. */
export type Send = (message: ToClient, body?: Uint8Array) => void;
