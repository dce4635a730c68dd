import { expect, it, vi } from "vitest";
import { createEngine, type EngineOptions, modelText, type Tool } from "../src/index.ts";

/** Nothing that a tool returns or throws, and no input, ends the process or leaves a call without an outcome. */
const fails = (): never => {
  throw new Error("no");
};
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const values: Record<string, () => unknown> = {
  "a getter that throws": () => ({
    get rows() {
      return fails();
    },
  }),
  "a proxy that lists nothing": () => new Proxy({}, { ownKeys: fails, getOwnPropertyDescriptor: fails }),
  "a proxy without a prototype": () => new Proxy({}, { getPrototypeOf: fails }),
  "a proxy inside a value": () => ({ rows: [revoked()] }),
  "a toJSON that throws": () => ({ toJSON: fails }),
  "an array with a getter that throws": () => Object.defineProperty([1], 0, { get: fails }),
};
const thrown: Record<string, () => unknown> = {
  ...values,
  "a proxy that was revoked": revoked,
  "a proxy that throws at all": () => new Proxy({}, { get: fails, has: fails, getPrototypeOf: fails, ownKeys: fails }),
  "an error whose stack throws": () => Object.defineProperty(new Error("x"), "stack", { get: fails }),
  "an error whose message is a proxy": () => Object.defineProperty(new Error("x"), "message", { value: revoked() }),
  "an object without a text form": () => ({ [Symbol.toPrimitive]: fails }),
  "an error caused by a proxy": () => new Error("x", { cause: revoked() }),
};

async function outcomeOf(tool: Partial<Tool>, input?: unknown, options: EngineOptions = {}) {
  await using engine = createEngine(options);
  engine.register({ name: "t", run: () => null, ...tool } as Tool & { inputSchema?: never });
  return await engine.run().call("t", input);
}

const setups: [string, Partial<Tool>][] = [
  ["plainly", {}],
  ["with a cache", { cache: true }],
  ["with retries", { maxAttempts: 2, retryDelay: "1ms", idempotent: true }],
];

for (const [setup, options] of setups) {
  it.each(Object.entries(values))(`gives %s as the value it is, ${setup}`, async (_name, make) => {
    const value = make();
    for (const run of [() => value, async () => value]) {
      const outcome = await outcomeOf({ ...options, run });
      expect(outcome.status === "succeeded" && Object.is(outcome.value, value)).toBe(true);
      expect(modelText(outcome)).toEqual(expect.any(String));
    }
  });

  it.each(Object.entries(thrown))(`makes a tool-error of %s that is thrown, ${setup}`, async (_name, make) => {
    for (const run of [
      () => {
        throw make();
      },
      () => Promise.reject(make()),
    ]) /* biome-ignore format: short */ {
      const outcome = await outcomeOf({ ...options, run });
      expect(outcome).toMatchObject({ status: "failed", failure: { code: "tool-error", forModel: expect.any(String) } });
    }
  });
}

it("takes what breaks its promise: a thenable that throws, that settles twice, that is a proxy", async () => {
  const thenable = (then: unknown): Partial<Tool> => ({ run: () => ({ then }) as never });
  expect(await outcomeOf(thenable(fails))).toMatchObject({ failure: { code: "tool-error" } });
  const twice = (resolve: (value: unknown) => void, reject: (why: unknown) => void) => {
    resolve(1);
    reject(new Error("late"));
    fails();
  };
  expect(await outcomeOf(thenable(twice))).toMatchObject({ status: "succeeded", value: 1 });
  expect(await outcomeOf({ run: revoked })).toMatchObject({ failure: { code: "tool-error" } });
  expect(
    await outcomeOf(
      thenable(() => {}),
      undefined,
      { timeout: "20ms" },
    ),
  ).toMatchObject({ status: "timed-out" });
});

it.each(Object.entries({ ...values, "a proxy that was revoked": revoked }))(
  "refuses an input that is %s, or gives it to the body, and rejects nothing",
  async (_name, make) => {
    const outcome = await outcomeOf({}, make());
    expect(["succeeded", "invalid-input"]).toContain(
      outcome.status === "succeeded" ? "succeeded" : outcome.failure.code,
    );
  },
);

const floating = () => Promise.reject(new Error("nobody awaits it"));
const holders: Record<string, () => unknown> = {
  "after a hundred thousand rows": () => ({ rows: Array.from({ length: 100_001 }, () => 1), at: floating() }),
  "after a long text": () => ({ text: "x".repeat(1_100_000), at: floating() }),
  "after a getter that throws": () => Object.defineProperty({ at: floating() }, "a", { get: fails, enumerable: true }),
  "beside a toJSON": () => ({ at: floating(), toJSON: () => 1 }),
  "in a map and a set": () => new Map([[floating(), new Set([floating()])]]),
  "beside functions, and late": () => ({
    rows: [new Promise((_resolve, reject) => setTimeout(() => reject(new Error("late")), 1)), () => 1, new Response()],
  }),
  "in a cause": () => new Error("x", { cause: floating() }),
  "in an AggregateError": () => new AggregateError([floating(), floating()]),
  "in a proxy's target": () => new Proxy({ at: floating(), date: new Date() }, {}),
  "of a getter": () => Object.defineProperty({}, "at", { get: floating, enumerable: true }),
};
const yielding: Record<string, () => unknown> = {
  "a generator yields": function* () {
    yield floating();
    yield [floating()];
    yield 1;
  },
  "an asynchronous generator yields": async function* () {
    yield { at: floating() };
    yield 1;
  },
};

const failing = Object.entries(holders).filter(([where]) => where !== "of a getter");
it.each([
  ...Object.entries(holders).map(([where, make]): [string, () => unknown] => [`a result holds ${where}`, make]),
  ...failing.map(([where, make]): [string, () => unknown] => [`an error holds ${where}`, () => Promise.reject(make())]),
  ...Object.entries(yielding),
])("a promise that %s ends nothing when it rejects", async (_name, run) => {
  const uncaught: unknown[] = [];
  const before = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", (why) => uncaught.push(why));
  modelText(await outcomeOf({ run }));
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.removeAllListeners("unhandledRejection");
  for (const listener of before) process.on("unhandledRejection", listener);
  expect(uncaught).toEqual([]);
});

it("what a body in a worker has left behind fails no other call", async () => {
  await using engine = createEngine();
  await engine.register(new URL("./support/tools/leaves-behind.ts", import.meta.url));
  const codes: string[] = [];
  for (const what of [
    "a promise in its result",
    "a promise in its error",
    "a promise that it yields",
    "a timer that throws",
  ]) {
    const outcome = await engine.call("leaves-behind", what);
    const next = await Promise.all([1, 2].map(() => engine.call("leaves-behind", "nothing")));
    codes.push(outcome.status === "succeeded" ? "succeeded" : outcome.failure.code);
    expect([what, ...next.map(({ status }) => status)]).toEqual([what, "succeeded", "succeeded"]);
  }
  expect(codes).toEqual(["cannot-move", "tool-error", "succeeded", "succeeded"]);
});

it("a result whose iterator never ends is as any other", async () => {
  class Endless extends Map {
    override *[Symbol.iterator](): MapIterator<[number, number]> {
      for (;;) yield [1, 2];
    }
  }
  const outcome = await outcomeOf({ run: () => new Endless().set("a", 1) });
  expect(modelText(outcome)).toBe('{"a":1}');
});

it("calls an input whose getter throws invalid", async () => {
  const run = vi.fn(() => 1);
  const outcome = await outcomeOf({ run }, { get url() { return fails(); } }); // biome-ignore format: short
  expect(outcome).toMatchObject({
    status: "rejected",
    attempts: 0,
    failure: { code: "invalid-input", message: "The input of t does not fit its schema: it cannot be read: no." },
  });
  expect(run).not.toHaveBeenCalled();
});

it.each([1, 2, 3, 4, 5, 6, 7, 8])(
  "takes an input that cannot be read for the %s. time, and rejects nothing",
  async (n) => {
    for (const more of [{}, { at: new Date() }]) {
      let reads = 0;
      const input = Object.defineProperty({ ...more }, "x", {
        get: () => (++reads === n ? fails() : 1),
        enumerable: true,
      });
      expect(["succeeded", "rejected"]).toContain((await outcomeOf({}, input)).status);
    }
  },
);

it.each([
  ["throws", fails],
  [
    "throws a proxy",
    () => {
      throw revoked();
    },
  ],
  ["rejects with a proxy", () => Promise.reject(revoked())],
  ["answers nothing", () => undefined],
  ["answers with issues that are none", () => ({ issues: [null] })],
  ["answers with a proxy", revoked],
  ["answers with a path that throws", () => ({ issues: [{ message: "x", path: [{ key: { toString: fails } }] }] })],
])("refuses the input where a schema %s", async (_name, validate) => /* biome-ignore format: short */ {
  const inputSchema = { "~standard": { version: 1, vendor: "x", validate } } as never;
  expect(await outcomeOf({ inputSchema }, {})).toMatchObject({ attempts: 0, failure: { code: "invalid-input" } });
});

it("waits for a schema whose promise is a library's", async () => {
  // biome-ignore lint/suspicious/noThenProperty: a library's promise
  const validate = (value: unknown) => ({ then: (resolve: (result: unknown) => void) => resolve({ value: [value] }) });
  const inputSchema = { "~standard": { version: 1, vendor: "x", validate } } as never;
  expect(await outcomeOf({ inputSchema, run: (input) => input }, 1)).toMatchObject({ value: [1] });
});

it("survives an application's Error.prepareStackTrace that throws", async () => {
  const { prepareStackTrace } = Error;
  Error.prepareStackTrace = fails;
  try {
    const failed = await outcomeOf({ run: () => { throw new TypeError("a"); } }); // biome-ignore format: short
    expect(failed).toMatchObject({ failure: { error: { name: "TypeError", message: "a", stack: "" } } });
    const late = await outcomeOf({ run: () => new Promise(() => {}) }, undefined, { timeout: "20ms" });
    expect(late.status).toBe("timed-out");
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
});

it("says of a worker's result by name what cannot be sent, and sends the rest", async () => {
  await using engine = createEngine();
  await engine.register(new URL("./support/tools/odd-values.ts", import.meta.url));
  const call = async (what: unknown) => await engine.call("odd-values", what);
  const message = (detail: string) => ({ failure: { code: "cannot-move", message: expect.stringContaining(detail) } });
  expect(await call("response")).toMatchObject(message("result is a Response"));
  expect(await call("headers inside")).toMatchObject(message("result.headers[0] is a Headers"));
  expect(await call("stream")).toMatchObject(message("result is a ReadableStream"));
  expect(await call("getter")).toMatchObject(message("no"));
  expect(await call({ body: new FormData() })).toMatchObject({ attempts: 0, ...message("input.body is a FormData") });
  expect(await call("url")).toMatchObject({ value: { page: "http://x/" } });
  expect(await call(new URL("http://x/"))).toMatchObject({ value: "string" });
  expect(await call("generator")).toMatchObject({ value: 2 });
  expect(await call("throws a proxy")).toMatchObject({ failure: { code: "tool-error" } });
  expect(await call("throws much")).toMatchObject({
    failure: { error: { code: "E", status: 404, fields: { details: { a: 1 } }, errors: [{ name: "TypeError" }] } },
  });
  engine.register({ name: "cat", command: ["cat"], output: "json" });
  expect(await engine.call("cat", { at: new URL("http://x/"), q: new URLSearchParams("a=1") })).toMatchObject({
    value: { at: "http://x/", q: "a=1" },
  });
  for (const input of [{ a: new Map() }, { a: new Headers() }, { a: [new Set()] }]) {
    expect(await engine.call("cat", input)).toMatchObject({ attempts: 0, failure: { code: "cannot-move" } });
  }
});
