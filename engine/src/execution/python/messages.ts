import type { ErrorInfo } from "../../call/outcome.ts";

/** The version both sides name in their first message. */
export const PROTOCOL = 1;

export type ToTemplate =
  | {
      readonly type: "hello";
      readonly protocol: number;
      readonly environment: Readonly<Record<string, string>>;
      readonly socket: string;
      readonly host: number;
      readonly journals: string | null;
      /** The folder of the engine's cgroups, which is made when it is needed. */
      readonly cgroups: string | null;
    }
  /** Workers dial another socket from now on. */
  | { readonly type: "socket"; readonly socket: string }
  | { readonly type: "prepare"; readonly modules: readonly string[] }
  | { readonly type: "fork"; readonly worker: number; readonly token: string }
  | { readonly type: "reap"; readonly worker: number };

export interface Prepared {
  readonly type: "prepared";
  readonly modules: readonly string[];
  readonly failures: readonly { readonly module: string; readonly error: ErrorInfo }[];
}

/** The worker is a zombie until it is reaped: its pid is still its own. */
export interface Died {
  readonly type: "died";
  readonly worker: number;
  readonly pid: number;
  readonly signal: string | null;
  readonly exitCode: number | null;
}

/** There is no process to be had for a worker. */
export interface Unforked {
  readonly type: "unforked";
  readonly worker: number;
  readonly reason: string;
}

export type FromTemplate =
  | { readonly type: "ready" }
  | Prepared
  | Died
  | Unforked
  | { readonly type: "forked"; readonly worker: number; readonly pid: number };

export interface WorkerHello {
  readonly type: "hello";
  readonly protocol: number;
  readonly worker: number;
  readonly pid: number;
  readonly token: string;
  /** It cannot work, for this reason, and ends. */
  readonly failure?: string;
}

export type FromWorker = WorkerHello | Ended;

/** Of a process that a body started, or of a worker in the middle of one: what it calls belongs to that call. */
export interface GuestHello {
  readonly type: "hello";
  readonly protocol: number;
  readonly version: string;
  readonly pid: number;
  /** `call`: its id, or the name of the worker that runs it. */
  readonly guest: { readonly call: string; readonly token: string };
}

export interface Ended {
  readonly type: "ended";
  readonly callId: string;
  readonly attempt: number;
  /** That of `run`: what another body writes to the socket, before or after its own call, has none. */
  readonly nonce: string;
  /** As it was told: {@link toldEnding} reads it. */
  readonly ending: unknown;
  /** What the worker had grown by since it was forked, as the body began. */
  readonly grownBytes: number;
  /** The body has left processes behind. */
  readonly leftProcesses?: true;
}

/** What the worker itself does about a call's quotas; null leaves it out. */
export interface WorkerLimits {
  /** No larger result is sent. */
  readonly outputBytes: number | null;
  /** Address space for data beyond what it has (RLIMIT_DATA): an allocation past it fails at once. */
  readonly dataBytes: number | null;
  /** Processor time of one process beyond what it has used (RLIMIT_CPU). */
  readonly cpuMs: number | null;
}

export type ToWorker =
  | { readonly type: "load"; readonly key: string }
  | {
      readonly type: "run";
      readonly callId: string;
      readonly attempt: number;
      /** To be said again with the ending. */
      readonly nonce: string;
      readonly key: string;
      readonly limits?: WorkerLimits | undefined;
      /** What it prints goes to the host's standard output, and not to its standard error. */
      readonly toStdout?: true | undefined;
    };
