import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import type { Clock, Timer } from "../util/clock.ts";
import type { Cgroup } from "./cgroup.ts";
import { Cgroups } from "./cgroups.ts";
import { killGroup } from "./kill-group.ts";
import { LimitMarks } from "./limit-mark.ts";
import { findOwned, killOwned, newOwner, type OwnerMarks, ownedEnvironment } from "./owner.ts";
import { terminate } from "./terminate.ts";
import { Warden } from "./warden.ts";

/** SIGTERM to the process group, and SIGKILL 100 ms later. Nothing is asked before: a Node worker is told to fire its body's signal in the same turn. */
const GRACE_MS = 100;

/** A child process with a process group of its own. */
export class OwnedProcess {
  readonly child: ChildProcess;
  readonly cgroup: Cgroup;
  /** Resolves when it has ended and what it left behind is killed. Never rejects. */
  readonly gone: Promise<void>;
  #ladder: Timer | undefined;
  readonly #marks: OwnerMarks;
  readonly #clock: Clock;
  /** What it started before it began its work. */
  #kept: ReadonlySet<number> = new Set();

  /** Use {@link OwnedProcesses.start}. */
  constructor(child: ChildProcess, marks: OwnerMarks, cgroup: Cgroup, clock: Clock) {
    this.child = child;
    this.cgroup = cgroup;
    this.#marks = marks;
    this.#clock = clock;
    this.gone = new Promise((resolve) => {
      const ended = (): void => {
        this.#ladder?.cancel();
        const { pid } = child;
        if (pid === undefined) return resolve();
        // libuv has reaped it in this same turn: its number has not come round again.
        killGroup(pid);
        Promise.allSettled([killOwned(marks, new Set([pid])), cgroup.remove()]).then(() => resolve());
      };
      child.once("exit", ended);
      child.once("error", () => child.pid === undefined && ended());
    });
  }

  /** Whether it can still be signalled: what has ended is reaped, and its number is another's soon. */
  get isAlive(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** What it has started until now is its own, and nothing that it leaves behind. */
  async keepStarted(): Promise<void> {
    this.#kept = new Set((await this.#found()).map(({ pid }) => pid));
  }

  /** Whether processes live that it started, or those did, but for what is its own. */
  async hasLeftProcesses(): Promise<boolean> {
    const kept = new Set(this.#kept);
    // Parents have the lower numbers, but for once in a long while: then one look too many is all.
    for (const { pid, parentPid, sessionId } of await this.#found()) {
      if (kept.has(pid) || kept.has(parentPid) || kept.has(sessionId)) kept.add(pid);
      else return true;
    }
    return false;
  }

  async #found() {
    const { pid = 0 } = this.child;
    return (await findOwned(this.#marks, new Set([pid]))).filter((found) => found.pid !== pid);
  }

  /** SIGTERM to its process group, SIGKILL after a grace, and then to what left the group. A second time does nothing. */
  terminate(): void {
    if (this.#ladder || !this.#watchEnd()) return;
    this.#ladder = terminate(this.child.pid as number, GRACE_MS, this.#clock);
  }

  /** SIGKILL to its process group now, and then to what left the group. */
  kill(): void {
    if (this.#watchEnd()) killGroup(this.child.pid as number);
  }

  /** This process stays until it has seen the end. @returns whether it can still be signalled */
  #watchEnd(): boolean {
    if (this.isAlive) this.child.ref();
    return this.isAlive;
  }
}

/**
 * The processes of one engine: each is marked in its environment, so that what it starts can be found, and none outlives the
 * engine or this process.
 */
export class OwnedProcesses {
  readonly #clock: Clock;
  readonly #owner = newOwner();
  readonly #cgroups = new Cgroups();
  readonly #limits = LimitMarks.create();
  readonly #warden = new Warden({ owner: this.#owner, limits: this.#limits?.engine }, this.#cgroups.folder);
  readonly #living = new Set<OwnedProcess>();
  #started = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Of those that live. */
  get pids(): number[] {
    return [...this.#living].flatMap(({ child, isAlive }) => (isAlive && child.pid) || []);
  }

  /** Starts a program. `options.env` is its whole environment, without the mark. As `spawn`, it tells of failures by the `error` event. */
  start(program: string, args: readonly string[], options: SpawnOptions): OwnedProcess {
    this.#warden.ensure();
    const number = ++this.#started;
    const owner = `${this.#owner}x${number}`;
    const env = ownedEnvironment(options.env ?? process.env, this.#owner, owner);
    const limits = this.#limits?.of(number);
    const cwd = String(options.cwd ?? process.cwd());
    const command = limits && this.#limits?.command(limits, program, args, env, cwd);
    const [file, parameters] = command ?? [program, args];
    const child = spawn(file, [...parameters], { ...options, detached: true, env });
    const owned = new OwnedProcess(child, { owner, limits }, this.#cgroups.group(), this.#clock);
    this.#living.add(owned);
    void owned.gone.then(() => this.#living.delete(owned));
    return owned;
  }

  /** Kills all of them, and resolves when nothing of them is left. */
  async close(): Promise<void> {
    for (const owned of this.#living) owned.kill();
    await Promise.all([...this.#living].map(({ gone }) => gone));
    await this.#cgroups.close();
    await this.#warden.close();
  }

  /** Kills all of them; the warden sees to the rest. */
  destroy(): void {
    for (const owned of this.#living) owned.kill();
    this.#warden.release();
  }
}
