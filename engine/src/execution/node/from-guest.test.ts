import { serialize } from "node:v8";
import { expect, it } from "vitest";
import { fromGuest, toFrame } from "./from-guest.ts";
import type { FromGuest } from "./messages.ts";

const decoded = (header: object, body: Uint8Array = Buffer.alloc(0)) =>
  fromGuest({ header: header as { type: string }, body: Buffer.from(body) });
const error = { name: "Error", message: "no", stack: "" };

it("reads what a worker says as it was said", () => {
  const messages: FromGuest[] = [
    { type: "ready" },
    { type: "ended", nonce: "n", ending: { type: "raised", error }, left: "some" },
    { type: "call", nonce: "n", nested: 1, tool: "t", input: Buffer.from("x"), options: { timeout: "1s" } },
    { type: "cancel-nested", nonce: "n", nested: 1, reason: error },
    { type: "broken", error: { ...error, code: "E", fields: { a: [1] }, cause: error, errors: [error] } },
  ];
  for (const message of messages) {
    const [header, body] = toFrame(message);
    expect(decoded(JSON.parse(JSON.stringify(header)), body)).toEqual(message);
  }
});

it.each([
  [{ type: "unknown" }],
  [{ type: "loaded", module: "m", startedProcesses: false }],
  [{ type: "loaded", module: "m", startedProcesses: false }, serialize({ name: 5 })],
  [{ type: "loaded", module: "m", startedProcesses: false }, Buffer.from("\xff\xff garbage")],
  [{ type: "load-failed", module: "m", error: { name: 1, message: "", stack: "" } }],
  [{ type: "ended", nonce: "n" }],
  [{ type: "ended", ending: { type: "returned", digest: null, preview: null } }],
  [{ type: "ended", nonce: "n", ending: { type: "shared" } }],
  [{ type: "ended", nonce: "n", ending: { type: "crashed", signal: null, exitCode: 0 } }],
  [{ type: "ended", nonce: "n", ending: { type: "raised", error } }, Buffer.from("x")],
  [{ type: "broken", error: null }],
  [{ type: "call", nonce: "n", nested: 1, tool: "t" }, serialize({ input: "x", options: {} })],
  [{ type: "call", nonce: "n", nested: 1, tool: "t" }, serialize({ input: Buffer.from("x"), options: 5 })],
  [{ type: "call", nested: 1, tool: "t" }, serialize({ input: Buffer.from("x"), options: {} })],
  [{ type: "cancel-nested", nonce: "n", nested: "1", reason: error }],
])("does not hear what makes no sense (%j)", (header, body?: Uint8Array) => {
  expect(decoded(header, body)).toBe(undefined);
});

it("bounds the texts of an ending and writes out what steers a terminal", () => {
  const raised = {
    type: "raised",
    error: { name: "A\x1b", message: "\x1b]0;x\x07".repeat(9_000), stack: "\x9b", code: "\r" },
  };
  const told = decoded({ type: "ended", nonce: "n", ending: raised });
  const text = JSON.stringify(told);
  expect(text).not.toMatch(/\\u00(1b|9b|07)/);
  expect(text.length).toBeLessThan(60_000);
  expect(told).toMatchObject({ ending: { error: { name: "A\\x1b", stack: "\\x9b", code: "\\x0d" } } });
});
