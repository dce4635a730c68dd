import type { Tool } from "../../../src/index.ts";

const fails = () => Promise.reject(new Error("nobody awaits it"));
const MAKERS: Record<string, () => unknown> = {
  "a promise in its result": () => ({ rows: fails() }),
  "a promise in its error": () => {
    throw new Error("x", { cause: fails() });
  },
  "a promise that it yields": function* () {
    yield fails();
    yield 1;
  },
  "a timer that throws": () => {
    setTimeout(() => {
      throw new Error("left behind");
    }, 20);
    return process.pid;
  },
  nothing: () => new Promise((resolve) => setTimeout(resolve, 100, process.pid)),
};

/** What a body leaves behind is no other call's affair. */
export const tool: Tool<string> = { name: "leaves-behind", run: (what) => MAKERS[what]?.() };
