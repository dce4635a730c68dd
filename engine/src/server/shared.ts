import type { Accept } from "../execution/python/dial-in.ts";
import type { GuestHello } from "../execution/python/messages.ts";
import { PythonPool } from "../execution/python/pool.ts";
import type { PythonCommand } from "../execution/python/template.ts";
import type { MachineFigures } from "../load/machine.ts";
import { Relief } from "../load/relief.ts";
import type { Call } from "../state/call.ts";
import type { EventStream } from "../telemetry/event-stream.ts";
import type { Clock } from "../util/clock.ts";
import { Backstop } from "./backstop.ts";
import { Engines } from "./engines.ts";
import { KeptEngines } from "./guest-engines.ts";
import type { Guests } from "./guests.ts";
import type { MayHaveBegun } from "./lost-workers.ts";
import type { ToClient } from "./messages.ts";

/** What the session of the host and those of its guests have in common. */
export class Shared {
  readonly clock: Clock;
  /** Of the host alone: what is hashed with it cannot be guessed by who reads the hash. */
  readonly key: string;
  /** Calls in flight, of all sessions: what a guest calls has its parent in another one. */
  readonly calls = new Map<string, Call>();
  readonly guests: Guests;
  readonly engines: KeptEngines;
  /** Of all engines and workers of this process. */
  readonly events: EventStream;
  /** Likewise. */
  readonly relief: Relief;
  readonly backstop: Backstop;
  /** Whether a worker of a lost engine may have begun the body of a call. */
  readonly mayHaveBegun: MayHaveBegun;
  readonly #python: PythonCommand;
  readonly #tellHost: (message: ToClient) => void;
  #pool: PythonPool | undefined;

  constructor(
    python: PythonCommand,
    clock: Clock,
    hostEngines: Engines,
    guests: Guests,
    mayHaveBegun: MayHaveBegun,
    tellHost: (message: ToClient) => void,
    key: string,
    readMachine?: () => MachineFigures,
  ) {
    this.#python = python;
    this.clock = clock;
    this.key = key;
    this.backstop = new Backstop(clock);
    this.guests = guests;
    this.mayHaveBegun = mayHaveBegun;
    this.events = hostEngines.events;
    this.engines = new KeptEngines(hostEngines, new Engines(clock, undefined, this.events));
    this.#tellHost = tellHost;
    const { events, engines } = this;
    this.relief = new Relief({ clock, events, engines: () => engines.cores, workers: () => this.#pool, readMachine });
    engines.relief = this.relief;
  }

  get pool(): PythonPool | undefined {
    return this.#pool;
  }

  startedPool(): PythonPool {
    if (!this.#pool) {
      const accept: Accept<GuestHello> = (hello, channel) => this.guests.accept(hello, channel);
      const opened = (path: string): void => this.#tellHost({ type: "directory", path });
      this.#pool = new PythonPool(this.#python, this.clock, accept, this.events, opened);
      if (this.relief.measures.includes("shrink-reserve")) this.#pool.shrinkReserve(true);
    }
    return this.#pool;
  }
}
