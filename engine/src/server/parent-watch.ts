import { Worker } from "node:worker_threads";

export interface ParentWatch {
  /** The process that this one is not to outlive. */
  readonly parent: number;
  /** To be removed with it. */
  readonly directory: string | undefined;
  readonly checkMs: number;
  /** How long this process has to end by itself once its parent is gone. */
  readonly graceMs: number;
}

// A thread has its own event loop: it runs whatever the process is computing. Kept as text, since the engine is built into one file.
const SOURCE = `
const { rmSync } = require("node:fs");
const { parent, directory, checkMs, graceMs } = require("node:worker_threads").workerData;
const timer = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(timer);
  setTimeout(() => {
    try {
      if (directory) rmSync(directory, { recursive: true, force: true });
    } finally {
      process.kill(process.pid, "SIGKILL");
    }
  }, graceMs);
}, checkMs);
`;

/** Kills this process if its parent is gone and it has not ended by itself: it may be in a long computation. */
export function watchParent(watch: ParentWatch): void {
  const options = {
    eval: true,
    workerData: watch,
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 16 },
  };
  const worker = new Worker(SOURCE, options);
  worker.on("error", () => {}); // without a thread to be had, the engine looks by itself only
  worker.unref();
}
