import type { WorkersMakeWay } from "../load/relief.ts";
import type { Policy } from "../policy/options.generated.ts";
import { OwnedProcesses } from "../processes/owned-processes.ts";
import { QuotaWatch } from "../processes/quota-watch.ts";
import { SessionReader } from "../processes/session-reader.ts";
import type { WorkerStats } from "../telemetry/engine-stats.ts";
import type { EventStream } from "../telemetry/event-stream.ts";
import type { Command } from "../tool/command-options.ts";
import type { Clock } from "../util/clock.ts";
import { findProgram } from "../util/program.ts";
import type { BodyRunner } from "./body.ts";
import { CommandRunner } from "./command/command-runner.ts";
import { ModuleRunner } from "./node/module-runner.ts";
import { NodePool } from "./node/pool.ts";
import type { LoadedModule } from "./node/workforce.ts";

/** The placements that run bodies outside this process. Nothing is started before the first tool needs it. */
export class WorkerPlacements {
  readonly #clock: Clock;
  readonly #processes: OwnedProcesses;
  readonly #watch: QuotaWatch;
  readonly #pool: NodePool;

  constructor(clock: Clock, stream: EventStream, workerStdout: Policy["workerStdout"]) {
    this.#clock = clock;
    this.#processes = new OwnedProcesses(clock);
    this.#watch = new QuotaWatch(clock, new SessionReader(clock));
    this.#pool = new NodePool(this.#processes, clock, this.#watch, stream, workerStdout);
  }

  get figures(): WorkerStats {
    return this.#pool.figures;
  }

  /** The Node workers; a command is a process of one call, and its own. */
  get makeWay(): WorkersMakeWay {
    return this.#pool;
  }

  /** Process ids of the Node workers and of the commands. */
  get pids(): number[] {
    return this.#processes.pids;
  }

  /** Has a worker import the module. Rejects with what went wrong, on Bun at once. */
  async load(module: URL): Promise<LoadedModule> {
    // Bun's child processes have no channel that lets the host end while they are there.
    if (process.versions.bun !== undefined) {
      throw new TypeError(
        `${module.href} cannot be loaded in a worker: Node workers are not supported on Bun. Register the function itself or a command, or run on Node.`,
      );
    }
    findProgram("warden-main");
    findProgram("node-guest");
    return this.#pool.load(module.href);
  }

  module(module: URL): BodyRunner {
    return new ModuleRunner(module.href, this.#pool);
  }

  /** @throws Error as {@link findProgram} does: without a warden what commands start would outlive this process */
  command(command: Command): BodyRunner {
    findProgram("warden-main");
    return new CommandRunner(command, this.#processes, this.#clock, this.#watch);
  }

  /** Resolves when no process is left. */
  async close(): Promise<void> {
    this.#pool.close();
    this.#watch.close();
    await this.#processes.close();
  }

  /** Kills every process now. */
  destroy(): void {
    this.#pool.close();
    this.#watch.close();
    this.#processes.destroy();
  }
}
