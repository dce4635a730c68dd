import type { Tool } from "../../../src/index.ts";

const fails = (): never => {
  throw new Error("no");
};
const MAKERS: Record<string, () => unknown> = {
  response: () => new Response("x"),
  "headers inside": () => ({ headers: [new Headers()] }),
  stream: () => new ReadableStream(),
  url: () => ({ page: new URL("http://x/") }),
  getter: () => Object.defineProperty({}, "rows", { get: fails, enumerable: true }),
  generator: async function* () {
    yield 1;
    yield 2;
  },
  "throws a proxy": () => {
    throw new Proxy({}, { get: fails, getPrototypeOf: fails, ownKeys: fails });
  },
  "throws much": () => {
    throw Object.assign(new AggregateError([new TypeError("a")], "both"), {
      code: "E",
      status: 404,
      details: { a: 1 },
    });
  },
};

/** Results and errors that a worker has to send, or to say why it cannot. */
export const tool: Tool<string> = { name: "odd-values", run: (what) => MAKERS[what]?.() ?? typeof what };
