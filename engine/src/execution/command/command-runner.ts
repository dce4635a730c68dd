import { statSync } from "node:fs";
import type { Ending } from "../../call/ending.ts";
import { errorInfo, withoutStop } from "../../call/error-info.ts";
import { digestOf } from "../../call/fingerprint.ts";
import { previewOf } from "../../call/preview.ts";
import { judgeOutput, needsSampling } from "../../policy/quota.ts";
import type { OwnedProcess, OwnedProcesses } from "../../processes/owned-processes.ts";
import { kernelExcessBehind, type QuotaWatch } from "../../processes/quota-watch.ts";
import type { Command } from "../../tool/command-options.ts";
import type { Clock } from "../../util/clock.ts";
import type { BodyCall, BodyRunner } from "../body.ts";
import { insteadOf, whatIsLost } from "../movable.ts";
import { OutputTail, WholeOutput } from "./bounded-output.ts";

/** Standard output beyond this ends a call as `too-large`, where its policy has no `maxOutput`. */
const DEFAULT_OUTPUT_BYTES = 16 * 1_024 * 1_024;
const STDERR_TAIL_BYTES = 8_192;
/** After the exit, for output that is still in the pipe: what the command left behind is being killed meanwhile. */
const LAST_OUTPUT_MS = 1_000;

/** Runs a tool that is an executable: one process a call, killed with everything it started. */
export class CommandRunner implements BodyRunner {
  readonly canKill = true;
  readonly #command: Command;
  readonly #processes: OwnedProcesses;
  readonly #clock: Clock;
  readonly #watch: QuotaWatch;

  constructor(command: Command, processes: OwnedProcesses, clock: Clock, watch: QuotaWatch) {
    this.#command = command;
    this.#processes = processes;
    this.#clock = clock;
    this.#watch = watch;
  }

  begin(call: BodyCall): void {
    let input: string;
    try {
      input = call.input === undefined ? "" : jsonOf(call.input);
    } catch (error) {
      const detail = `its input has no JSON form: ${withoutStop(error)}`;
      return call.ended({ type: "cannot-move", detail, started: false });
    }
    if (!call.start()) return;
    const { program, args, cwd, env } = this.#command;
    let owned: OwnedProcess;
    try {
      owned = this.#processes.start(program, args, { cwd, env: { ...process.env, ...env }, stdio: "pipe" });
    } catch (error) {
      return call.ended({ type: "load-failed", error: errorInfo(error) });
    }
    this.#follow(call, owned, input);
  }

  #follow(call: BodyCall, owned: OwnedProcess, input: string): void {
    const { child } = owned;
    const { quotas } = call;
    const timeoutMs = call.timeoutMs();
    const limitBytes = quotas.outputBytes ?? DEFAULT_OUTPUT_BYTES;
    const startedAtMs = this.#clock.now();
    const output = new WholeOutput(limitBytes);
    const errors = new OutputTail(STDERR_TAIL_BYTES);
    let ending: Ending | undefined;
    const end = (decided: Ending, value?: unknown): void => {
      if (ending) return;
      ending = decided;
      deadline?.cancel();
      watch?.end();
      owned.terminate();
      call.ended(decided, value);
    };
    const deadline =
      timeoutMs === null
        ? undefined
        : this.#clock.setTimer(timeoutMs, () => end({ type: "expired", observedMs: this.#clock.now() - startedAtMs }));
    const watch =
      child.pid === undefined || !needsSampling(quotas)
        ? undefined
        : this.#watch.watch({
            rootPid: child.pid,
            quotas,
            cgroup: owned.cgroup,
            baseline: () => ({ cpuMs: 0, memoryBytes: 0 }),
            exceeded: (excess) => end({ type: "over-quota", ...excess }),
          });
    call.signal.addEventListener("abort", () => {
      end({ type: "cancelled", detail: "cancelled", body: "stopped" }); // the call has its outcome already
    });
    child.stdout?.on("data", (chunk: Buffer) => {
      if (ending || output.push(chunk)) return;
      const excess = judgeOutput(quotas, output.bytes);
      const observedBytes = output.bytes;
      if (excess) end({ type: "over-quota", ...excess });
      else end({ type: "too-large", part: "output", observedBytes, limitBytes, started: true });
    });
    child.stderr?.on("data", (chunk: Buffer) => errors.push(chunk));
    child.once("error", (error) => {
      if (child.pid !== undefined) return;
      const { cwd } = this.#command;
      const isElsewhere = cwd !== undefined && !statSync(cwd, { throwIfNoEntry: false })?.isDirectory();
      const reason = isElsewhere ? new Error(`its cwd ${cwd} is no folder`, { cause: error }) : error;
      end({ type: "load-failed", error: errorInfo(reason) });
    });
    child.once("exit", (exitCode, signal) => {
      const finish = (): void => {
        tooLate.cancel();
        child.stdout?.destroy();
        child.stderr?.destroy();
        if (ending) return;
        const [own, value] = this.#ending(exitCode, signal, output, errors);
        const excess = kernelExcessBehind(own, watch);
        end(excess ? { type: "over-quota", ...excess } : own, value);
      };
      // Something that cleared its environment and left the session can hold the pipe open for ever.
      const tooLate = this.#clock.setTimer(LAST_OUTPUT_MS, finish);
      child.once("close", finish);
    });
    // A command need not read its input.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  }

  #ending(exitCode: number | null, signal: string | null, output: WholeOutput, errors: OutputTail): [Ending, unknown?] {
    const { program } = this.#command;
    if (signal !== null) return [{ type: "crashed", signal, exitCode: null }];
    if (exitCode !== 0) {
      const stack = errors.text();
      const lastLine = stack.slice(stack.lastIndexOf("\n") + 1);
      const message = `${program} ended with exit code ${exitCode}${lastLine === "" ? "" : `: ${lastLine}`}`;
      return [{ type: "raised", error: { name: "CommandError", message, stack }, crash: { signal, exitCode } }];
    }
    let value: unknown;
    try {
      value = this.#command.output === "json" ? JSON.parse(output.text()) : output.text().replace(/\r?\n$/, "");
    } catch (error) {
      const message = `the output of ${program} is not JSON: ${previewOf(output.text())}`;
      const stack = errors.text();
      return [{ type: "raised", error: { name: "CommandError", message, stack, cause: errorInfo(error) } }];
    }
    return [{ type: "returned", digest: digestOf(value), preview: previewOf(value) }, value];
  }
}

/** @throws TypeError that names the part that JSON would leave out, or make into something else */
function jsonOf(input: unknown): string {
  const json: string | undefined = JSON.stringify(input, refuseLost);
  if (json === undefined) throw new TypeError(`it is a ${typeof input}`);
  return json;
}

/** `value` is what its toJSON gave, where it has one. */
function refuseLost(key: string, value: unknown): unknown {
  const what = key === "" ? "it" : `its ${key}`;
  if (typeof value === "function" || typeof value === "symbol") throw new TypeError(`${what} is a ${typeof value}`);
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`${what} is ${value}`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const instead = insteadOf(value);
  if (instead) return instead.as;
  const lost = whatIsLost(value);
  if (lost !== undefined) throw new TypeError(`${what} is a ${lost}, of which JSON keeps nothing`);
  return value;
}
