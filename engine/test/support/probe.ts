import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import type { Tool } from "../../src/index.ts";

export interface ProbeInput {
  readonly do: string;
  /** A file that the body appends a line to when it starts, and others later. */
  readonly log?: string;
  readonly value?: unknown;
}

/** Started, and not seen by its parent's group any more: leads its own session, ignores SIGTERM. */
const LEAVER = "trap '' TERM; while :; do sleep 0.05; done";

/** The one body that every placement of the conformance suite runs. */
export const tool: Tool<ProbeInput> = {
  name: "probe",
  description: "Does what its input says.",
  inputSchema: { type: "object", properties: { do: { type: "string" } }, required: ["do"] },
  async run({ do: what, log, value }, { signal, call, path }) {
    const note = (line: string): void => {
      if (log) appendFileSync(log, `${line}\n`);
    };
    note(`started ${process.pid}`);
    switch (what) {
      case "echo":
        return value;
      case "throw":
        throw new RangeError("the disk is full", { cause: new TypeError("no space", { cause: "sector 7" }) });
      case "wait":
        signal.addEventListener("abort", () => note(`asked to stop: ${signal.reason.name}`));
        process.once("SIGTERM", () => {
          note("terminated");
          process.exit(143);
        });
        return new Promise(() => setInterval(() => {}, 1_000));
      case "spin":
        for (;;);
      case "exit":
        process.exit(7);
        break;
      case "die":
        process.kill(process.pid, "SIGSEGV");
        return new Promise(() => {});
      case "leave": {
        const left = spawn("sh", ["-c", LEAVER], { detached: true, stdio: "ignore" });
        const stayed = spawn("sh", ["-c", LEAVER], { stdio: "ignore" });
        note(`child ${left.pid}`);
        note(`child ${stayed.pid}`);
        return new Promise(() => setInterval(() => {}, 1_000));
      }
      case "print":
        process.stdout.write("printed to stdout\n");
        process.stderr.write("printed to stderr\n");
        return "printed";
      case "closure":
        return { inside: () => 1 };
      case "path":
        return path.join(">");
      case "nest": {
        const inner = await call("probe", { do: value === 0 ? "path" : "nest", value: (value as number) - 1 });
        return inner.status === "succeeded" ? inner.value : inner.failure.message;
      }
    }
    throw new Error(`the probe cannot ${what}`);
  },
};
