import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import { errorInfo } from "./error-info.ts";

const fails = (): never => {
  throw new Error("no");
};

describe("an error as plain data", () => {
  const { prepareStackTrace } = Error;
  afterEach(() => {
    Error.prepareStackTrace = prepareStackTrace;
  });

  it("has its code, its status, its own plain fields and what it holds", () => {
    const error = Object.assign(new AggregateError([new TypeError("a"), new RangeError("b")], "both"), {
      code: "E_BOTH",
      status: 503,
      retryAfterS: 3,
      details: { tried: ["a", "b"], at: new Date(0), request: new Response(), send: () => 1 },
      headers: { Authorization: "Bearer x" },
      password: "x",
    });
    expect(errorInfo(error)).toMatchObject({
      name: "AggregateError",
      message: "both",
      code: "E_BOTH",
      status: 503,
      fields: {
        retryAfterS: 3,
        details: { tried: ["a", "b"], at: "1970-01-01T00:00:00.000Z" },
        headers: { Authorization: "Bearer x" }, // an engine hides what its tool's `redact` names
        password: "x",
      },
      errors: [{ name: "TypeError", message: "a" }, { name: "RangeError" }],
    });
    expect(Object.keys(errorInfo(error).fields?.details as object)).toEqual(["tried", "at"]);
  });

  it("is bounded, whatever it holds", () => {
    const wide = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`f${at}`, "x".repeat(500)]));
    const deep: Record<string, unknown> = {};
    deep.deep = deep;
    const nested = (depth: number): Error =>
      depth === 0
        ? new Error("leaf")
        : new AggregateError(
            Array.from({ length: 10 }, () => nested(depth - 1)),
            "n",
            { cause: new Error("c") },
          );
    const info = errorInfo(Object.assign(nested(3), wide, { deep }));
    expect(JSON.stringify(info.fields).length).toBeLessThan(6_000);
    expect(JSON.stringify(info).split('"message"').length - 1).toBeLessThanOrEqual(20);
    const itself = new Error("round");
    itself.cause = itself;
    expect(JSON.stringify(errorInfo(itself)).split("round").length).toBeGreaterThan(5);
  });

  it("of what throws when it is looked at has what can be read", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const error = new Error("kept");
    for (const key of ["stack", "name", "cause", "code"]) Object.defineProperty(error, key, { get: fails });
    expect(errorInfo(error)).toEqual({ name: "Error", message: "kept", stack: "" });
    const odd = [
      proxy,
      new Proxy({}, { get: fails, getPrototypeOf: fails, ownKeys: fails, has: fails }),
      new Proxy(new Error("x"), { get: fails }),
      { message: { toString: fails } },
      { [Symbol.toPrimitive]: fails },
      Object.assign(new Error("x"), { cause: proxy, errors: proxy }),
      Object.assign(new Error("x"), { errors: new Proxy([1], { get: fails }) }),
    ];
    for (const thrown of odd)
      expect(errorInfo(thrown)).toMatchObject({ name: expect.any(String), stack: expect.any(String) });
  });

  it("survives an Error.prepareStackTrace that throws, or gives no text", () => {
    Error.prepareStackTrace = fails;
    expect(errorInfo(new TypeError("a"))).toEqual({ name: "TypeError", message: "a", stack: "" });
    Error.prepareStackTrace = (_error, sites) => sites;
    expect(typeof errorInfo(new TypeError("a")).stack).toBe("string");
  });

  it("takes an error of another realm for one, and of what is none tells the fields", () => {
    expect(errorInfo(runInNewContext("new TypeError('far')"))).toMatchObject({ name: "TypeError", message: "far" });
    expect(errorInfo({ status: 404, token: "x" })).toMatchObject({
      name: "object",
      status: 404,
      message: '{"status":404,"token":"x"}',
    });
    expect(errorInfo(undefined)).toEqual({ name: "undefined", message: "undefined", stack: "" });
    expect(errorInfo(null)).toEqual({ name: "object", message: "null", stack: "" });
  });
});
