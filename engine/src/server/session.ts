import type { Call } from "../call/call.ts";
import type { Ending } from "../call/ending.ts";
import { fingerprint } from "../call/fingerprint.ts";
import type { Outcome } from "../call/outcome.ts";
import { EngineCore } from "../core.ts";
import type { Clock } from "../internal/clock.ts";
import { PythonPool } from "../placement/python/pool.ts";
import type { PythonCommand } from "../placement/python/template.ts";
import type { EngineOptions } from "../policy/policy.ts";
import { quotasOf } from "../policy/quotas.ts";
import { Run } from "../run/run.ts";
import type { CallMessage, FromClient, ToClient } from "./messages.ts";

interface EngineEntry {
  readonly core: EngineCore;
  readonly runs: Map<string, Run>;
}

interface CallEntry {
  readonly id: number;
  readonly call: Call;
  readonly core: EngineCore;
  /** The pickled result or exception of a worker, on its way to the client. */
  body: Uint8Array | undefined;
}

/** Sends to the client. */
export type Send = (message: ToClient, body?: Uint8Array) => void;

/** What one client asked of its engine process. Messages in, messages out: it owns no channel. */
export class Session {
  readonly #python: PythonCommand;
  readonly #clock: Clock;
  readonly #send: Send;
  readonly #engines = new Map<string, EngineEntry>();
  readonly #calls = new Map<number, CallEntry>();
  readonly #callsById = new Map<string, Call>();
  #pool: PythonPool | undefined;

  constructor(python: PythonCommand, clock: Clock, send: Send) {
    this.#python = python;
    this.#clock = clock;
    this.#send = send;
  }

  /** Handles one message. What makes no sense is answered by `refused`, with the reason. */
  handle(message: FromClient, body: Uint8Array): void {
    try {
      this.#dispatch(message, body);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const id = "id" in message ? { id: message.id } : {};
      this.#send({ type: "refused", about: message.type, ...id, message: reason });
    }
  }

  /** Ends every worker. The calls in flight are the client's to settle: nobody listens any more. */
  async close(): Promise<void> {
    await this.#pool?.close();
  }

  destroyNow(): void {
    this.#pool?.destroyNow();
  }

  #dispatch(message: FromClient, body: Uint8Array): void {
    switch (message.type) {
      case "open-engine":
        return this.#openEngine(message.engine, message.options);
      case "close-engine":
        return this.#closeEngine(message.engine);
      case "register":
        return this.#engine(message.engine).core.setPolicy(message.tool, message.policy);
      case "load":
        return this.#startedPool().load(message.key, message.modules, body);
      case "open-run":
        this.#engine(message.engine).runs.set(message.run, new Run(message.run, this.#clock.now()));
        return;
      case "end-run":
        return this.#endRun(message.engine, message.run, message.reason);
      case "describe":
        return this.#describe(message);
      case "close-run":
        this.#engine(message.engine).runs.delete(message.run);
        return;
      case "call":
        return this.#call(message, body);
      case "start":
        return this.#start(message.id, message.load, body);
      case "ended":
        return this.#ended(message.id, message.attempt, message.ending);
      case "cancel":
        return this.#cancel(message.id);
      default:
        throw new TypeError(`unexpected message ${JSON.stringify(message.type)}`);
    }
  }

  #openEngine(name: string, options: unknown): void {
    if (this.#engines.has(name)) throw new TypeError(`an engine named ${name} is open already`);
    const core = new EngineCore(options as EngineOptions, this.#clock, `${process.pid.toString(36)}-${name}`);
    this.#engines.set(name, { core, runs: new Map() });
  }

  #endRun(engine: string, name: string, reason: string): void {
    const { core, runs } = this.#engine(engine);
    const run = runs.get(name);
    if (!run) throw new TypeError(`no run ${name} is open`);
    core.endRun(run, reason);
  }

  #describe({ id, engine, tool, agent }: Extract<FromClient, { type: "describe" }>): void {
    this.#send({ type: "described", id, limits: this.#engine(engine).core.describe(tool, agent) ?? null });
  }

  #closeEngine(name: string): void {
    const { core } = this.#engine(name);
    for (const entry of [...this.#calls.values()])
      if (entry.core === core) this.#cancelEntry(entry, "the engine was closed");
    this.#engines.delete(name);
  }

  #engine(name: string): EngineEntry {
    const engine = this.#engines.get(name);
    if (!engine) throw new TypeError(`no engine named ${name} is open`);
    return engine;
  }

  #call(message: CallMessage, body: Uint8Array): void {
    const { id } = message;
    if (!Number.isSafeInteger(id) || this.#calls.has(id))
      throw new TypeError(`call id ${id} is not a new whole number`);
    const { core, runs } = this.#engine(message.engine);
    const run = message.run === undefined ? undefined : runs.get(message.run);
    if (message.run !== undefined && !run) throw new TypeError(`no run ${message.run} is open`);
    const request = {
      id,
      tool: message.tool,
      input: message.input,
      fingerprint: message.input === undefined ? null : fingerprint(message.tool, message.input),
      run,
      parent: message.parent === undefined ? undefined : this.#callsById.get(message.parent),
      agent: message.agent,
      task: message.task,
      agentName: message.agentName,
      turn: message.turn,
      subject: message.subject,
      byCode: message.byCode,
      timeoutMs: message.timeoutMs,
      withinMs: message.withinMs,
      stuckBodies: message.stuckBodies,
      debug: message.debug,
    };
    const call = core.submit(request, (outcome, settled) => this.#settled(id, settled, outcome));
    if (call.state.type !== "admitted") return;
    const entry: CallEntry = { id, call, core, body: undefined };
    this.#calls.set(id, entry);
    this.#callsById.set(call.id, call);
    if (call.placement === "worker" && message.load !== undefined && body.length > 0)
      this.#startInWorker(entry, message.load, body);
    else this.#admitted(entry);
  }

  #admitted({ id, call, core }: CallEntry): void {
    const attempt = call.state.type === "admitted" ? call.state.attempt : 1;
    if (call.placement === "host") core.start(call);
    const { placement, timeoutMs } = call;
    this.#send({ type: "admitted", id, callId: call.id, attempt, placement, timeoutMs });
  }

  #start(id: number, load: string, body: Uint8Array): void {
    const entry = this.#calls.get(id);
    if (entry) this.#startInWorker(entry, load, body);
  }

  #startInWorker(entry: CallEntry, key: string, args: Uint8Array): void {
    const { call, core } = entry;
    const attempt = core.start(call);
    if (attempt === undefined) return;
    this.#startedPool().run({
      callId: call.id,
      attempt,
      key,
      args,
      timeoutMs: call.timeoutMs,
      quotas: quotasOf(call.policy),
      withinMs: call.withinMs === null ? null : Math.max(1, call.withinMs - (this.#clock.now() - call.submittedAtMs)),
      ended: (ending, body) => {
        entry.body = body;
        core.end(call, attempt, ending);
      },
    });
  }

  #ended(id: number, attempt: number, ending: Ending): void {
    const entry = this.#calls.get(id);
    entry?.core.end(entry.call, attempt, ending);
  }

  #cancel(id: number): void {
    const entry = this.#calls.get(id);
    if (entry) this.#cancelEntry(entry, "the caller cancelled it");
  }

  #cancelEntry({ call, core }: CallEntry, detail: string): void {
    if (call.placement === "worker") {
      const started = this.#pool?.cancel(call.id) ?? false;
      const known = started
        ? "its worker was killed, effects before that may have happened"
        : "its body was not started";
      core.end(call, undefined, { type: "cancelled", detail: `${detail}: ${known}`, started });
    } else {
      const known = "its body may still be running on the host and may have had effects";
      core.end(call, undefined, {
        type: "cancelled",
        detail: `${detail}: ${known}`,
        started: call.state.type === "running",
      });
    }
  }

  #settled(id: number, call: Call, outcome: Outcome): void {
    const body = this.#calls.get(id)?.body;
    this.#calls.delete(id);
    this.#callsById.delete(call.id);
    const { value: _value, ...header } = outcome as Outcome & { readonly value?: unknown };
    this.#send({ type: "outcome", id, outcome: header }, body);
  }

  #startedPool(): PythonPool {
    if (!this.#pool) {
      this.#pool = new PythonPool(this.#python, this.#clock);
      this.#send({ type: "directory", path: this.#pool.directory });
    }
    return this.#pool;
  }
}
