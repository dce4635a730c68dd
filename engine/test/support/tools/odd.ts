import { execFileSync, spawn } from "node:child_process";
import { closeSync, writeSync } from "node:fs";
import { z } from "zod";
import type { Tool } from "../../../src/index.ts";
import { encodeFrame } from "../../../src/transport/frames.ts";

const leave = (script: string): number => Number(execFileSync("sh", ["-c", script], { encoding: "utf8" }));
let held: Buffer | undefined;

/** Bodies that a worker has to survive, or to end by. */
export const tool: Tool<{ do: string; megabytes: number; bytes: string; frame?: string | undefined }> = {
  name: "odd",
  timeout: "10s",
  inputSchema: z.object({
    do: z.string(),
    megabytes: z.coerce.number().default(0),
    bytes: z.string().default("\xff"),
    frame: z.string().optional(),
  }),
  async run({ do: what, megabytes, bytes, frame }, { call, signal }) {
    switch (what) {
      case "throw later":
        setTimeout(() => {
          throw new TypeError("thrown by a timer");
        }, 1);
        return new Promise(() => {});
      case "reject nowhere":
        void Promise.reject(new Error("nobody awaits this"));
        return new Promise(() => {});
      case "leave the channel":
        closeSync(3);
        return new Promise(() => {});
      case "garbage": // "\xff": a length that no frame has
        writeSync(3, Buffer.alloc(64, bytes));
        return "written";
      case "half a frame":
        writeSync(3, Buffer.from([0, 0, 0, 60, 0, 0]));
        return new Promise(() => {});
      case "half a frame later":
        setTimeout(() => writeSync(3, Buffer.from([0, 0, 0, 60, 0, 0, 1, 0])), 20);
        return process.pid;
      case "a frame":
        for (const part of encodeFrame(JSON.parse(frame ?? ""))) writeSync(3, part);
        return "written";
      case "speak on the channel":
        return typeof process.send;
      case "map":
        return { map: new Map([[1n, new Date(0)]]), bytes: new Uint8Array([1, 2]), nothing: undefined };
      case "response":
        return { response: new Response("x") };
      case "url":
        return { url: new URL("http://a.example") };
      case "text":
        return "x".repeat(megabytes * 1_000_000);
      case "buffers": {
        const kept: Buffer[] = [];
        for (let index = 0; index < megabytes; index += 1) {
          kept.push(Buffer.alloc(1_000_000, 1));
          if (index % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        }
        return kept.length;
      }
      case "compute":
        for (;;);
      case "cancel what it calls": {
        const controller = new AbortController();
        const answer = call("hang", {}, { signal: controller.signal });
        controller.abort();
        return (await answer).status;
      }
      case "call with a function":
        return call("hang", { callback: () => {} });
      case "call for a closure":
        return call("closure");
      case "call wrongly":
        return call("hang", {}, { timeout: "5 parsecs" });
      case "leave a child": {
        const child = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
        child.unref();
        return { pid: child.pid, worker: process.pid };
      }
      case "leave a grandchild":
        return { pid: leave("sleep 60 >/dev/null 2>&1 & echo $!"), worker: process.pid };
      case "leave a stranger":
        return { pid: leave("env -i setsid sleep 60 >/dev/null 2>&1 & echo $!"), worker: process.pid };
      case "pid":
        return process.pid;
      case "hold": {
        held = Buffer.alloc(megabytes * 1_000_000, 1);
        return new Promise(() => setInterval(() => held?.length, 1_000));
      }
      case "leak":
        held = Buffer.alloc(megabytes * 1_000_000, 1);
        return process.pid;
      case "wait":
        return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      default:
        throw new Error(`odd cannot ${what}`);
    }
  },
};
