import { readFileSync } from "node:fs";
import { expect, it, vi } from "vitest";
import { modelText } from "./model-text.ts";
import type { Outcome, Success } from "./outcome.ts";
import { textForModel } from "./text-for-model.ts";

const success = (value: unknown, more: Partial<Success> = {}): Outcome => ({
  status: "succeeded",
  callId: "c",
  tool: "t",
  path: ["t"],
  elapsedMs: 1,
  attempts: 1,
  placement: "host",
  notice: null,
  observed: [],
  maxResultBytes: null,
  value,
  ...more,
});

it("is the value as a text, with the notice beside it", () => {
  expect(modelText(success("as it is"))).toBe("as it is");
  expect(modelText(success({ a: [1] }, { notice: "Note." }))).toBe('{"a":[1]}\n\nNote.');
  expect([undefined, null, 2n].map((value) => modelText(success(value)))).toEqual(["undefined", "null", "2n"]);
});

it("says what JSON alone would leave out", () => {
  const inJson: [unknown, string][] = [
    [new Map([["a", new Set([1, 2])]]), '{"a":[1,2]}'],
    [new Map([[1, "x"]]), '[[1,"x"]]'],
    [new Map(), "{}"],
    [{ query: new URLSearchParams("a=1"), at: new URL("http://x/") }, '{"query":"a=1","at":"http://x/"}'],
    [[new TypeError("no")], '[{"name":"TypeError","message":"no"}]'],
  ];
  for (const [value, json] of inJson) expect(modelText(success(value))).toBe(json);
  expect(modelText(success(new Response("x", { status: 404 })))).toContain("404");
});

it("makes no list of the bytes of Buffers, wherever they stand", () => {
  const toJSON = vi.spyOn(Buffer.prototype, "toJSON");
  const bytes = Buffer.alloc(1_000_000_000);
  for (const value of [bytes, { bytes }, [bytes, bytes], new Map([["a", { bytes }]]), new Set([bytes])])
    expect(modelText(success(value, { maxResultBytes: 1_000 }))).toContain('{"type":"Buffer","data":[0,0');
  expect(toJSON).not.toHaveBeenCalled();
  expect(modelText(success([undefined, Buffer.from("a")]))).toBe('[null,{"type":"Buffer","data":[97]}]');
});

it("never throws, whatever the value does", () => {
  const fails = () => {
    throw new Error("no");
  };
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const hostile = [
    { get a() { return fails(); } },
    { toJSON: fails, [Symbol.for("nodejs.util.inspect.custom")]: fails },
    new Proxy({}, { get: fails, ownKeys: fails, getPrototypeOf: fails }),
    proxy,
  ]; // biome-ignore format: one a line
  for (const value of hostile) expect(modelText(success(value))).toEqual(expect.any(String));
});

it("is the beginning of a value past the limit, never of the notice", () => {
  const text = modelText(success("x".repeat(500), { maxResultBytes: 100, notice: "Note." }));
  expect(text).toMatch(/^t returned 500 B; the first \d+ B follow\. x+\n\nNote\.$/);
});

it("takes no more of a value than the limit has room for", () => {
  const toldOf = (value: unknown) => modelText(success(value, { maxResultBytes: 1_000 }));
  const rows = Array.from({ length: 100_000 }, (_, at) => at);
  // Each read, or written, whole would take the event loop a second.
  for (const value of [Buffer.alloc(200_000, 7), new Float64Array(200_000), rows, new Set(rows), { rows }]) {
    const written = vi.spyOn(JSON, "stringify");
    expect(toldOf(value)).toMatch(/^t returned more than 1 kB; the first \d+ B follow\. [[{]/);
    expect(String(written.mock.results.at(-1)?.value).length).toBeLessThan(10_000);
    written.mockRestore();
  }
  expect(toldOf({ text: "x".repeat(5_000_000), nothing: undefined })).toContain('follow. {"text":"xxx');
  expect(toldOf(Buffer.from("ab"))).toBe('{"type":"Buffer","data":[97,98]}');
  expect(
    toldOf({
      a: Array(2_000)
        .fill(undefined)
        .map(() => ({ nothing: undefined })),
    }),
  ).toContain("t returned");
  expect(toldOf(Object.fromEntries(rows.slice(0, 2_000).map((at) => [at, undefined])))).toBe("{}");
});

it("is the text of a failure, within the same limit", () => {
  const failure = { forModel: `t failed: ${"x".repeat(500)}` };
  const failed = { ...success(undefined, { maxResultBytes: 100 }), status: "failed", failure } as unknown as Outcome;
  expect(Buffer.byteLength(modelText(failed))).toBeLessThanOrEqual(100);
  expect(modelText({ ...failed, maxResultBytes: null })).toBe(failure.forModel);
});

it("is cut as in Python", () => {
  interface Vector {
    readonly whole: readonly [string, number];
    readonly maxBytes: number | null;
    readonly sentence: string | null;
    readonly shown: number;
  }
  const path = new URL("../../../protocol/vectors/model-texts.json", import.meta.url);
  for (const { whole, maxBytes, sentence, shown } of JSON.parse(readFileSync(path, "utf8")) as Vector[]) {
    const text = whole[0].repeat(whole[1]);
    const expected = sentence === null ? text : sentence + text.slice(0, shown);
    expect(textForModel("fetch", text, maxBytes).text).toBe(expected);
  }
});
