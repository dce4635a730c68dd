import { describe, expect, it, onTestFinished } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { encodeFrame } from "../transport/frames.ts";
import type { CallMessage, FromClient, ToClient } from "./messages.ts";
import { Session } from "./session.ts";

const python = {
  executable: "python-that-is-not-started",
  flags: [],
  path: Buffer.alloc(0),
  environment: {},
  stdout: null,
  host: 1,
  journals: null,
};

function openSession(options: object = {}) {
  const sent: ToClient[] = [];
  const clock = new FakeClock();
  const session = Session.ofHost(python, clock, (message) => void sent.push(message));
  const handle = (message: FromClient): ToClient[] => {
    session.handle(message, Buffer.alloc(0));
    return sent.splice(0);
  };
  handle({ type: "open-engine", engine: "e", options });
  handle({ type: "register", engine: "e", tool: "t", policy: {} });
  handle({ type: "open-run", engine: "e", run: "r" });
  const call = (id: number, more: Partial<CallMessage> = {}) =>
    handle({ type: "call", id, engine: "e", tool: "t", run: "r", input: { q: "x" }, ...more });
  const ended = (id: number, digest = "d") =>
    handle({ type: "ended", id, attempt: 1, ending: { type: "returned", digest, preview: null } });
  const elapse = async (ms: number): Promise<ToClient[]> => {
    await clock.advance(ms);
    return sent.splice(0);
  };
  return { handle, call, ended, elapse };
}

it("takes no longer for an input that is larger than is compared, of text, parts or names", () => {
  const { handle, call, ended } = openSession({ maxCalls: 1_000 });
  const many = Array.from({ length: 70_000 }, (_, at) => at);
  const large = [
    { q: "x".repeat(1_000_001) },
    many,
    many.map(() => []),
    Object.fromEntries(many.map((at) => [`name ${at}`, at])),
    JSON.parse("[".repeat(5_000) + "]".repeat(5_000)),
  ];

  for (const [at, input] of large.entries()) {
    // Never a repetition, since they are not looked at.
    for (const id of [1, 2, 3, 4, 5].map((each) => each + at * 10)) {
      expect(call(id, { input })).toMatchObject([{ type: "admitted" }]);
      ended(id);
    }
  }

  const tool = "n".repeat(5_000_000);
  const [answer] = call(90, { tool });
  expect(JSON.stringify(answer).length).toBeLessThan(10_000);
  handle({ type: "register", engine: "e", tool, policy: {} });
  expect(call(91, { tool, input: {} })).toMatchObject([{ type: "admitted" }]);
});

describe("a host call", () => {
  it("is admitted with its deadline, and has its outcome when the host reports the ending", () => {
    const { call, ended } = openSession({ timeoutMs: 5_000 });
    expect(call(1)).toMatchObject([{ type: "admitted", id: 1, attempt: 1, placement: "host", timeoutMs: 5_000 }]);
    expect(ended(1)).toMatchObject([{ type: "outcome", id: 1, outcome: { status: "succeeded", attempts: 1 } }]);
  });

  it("is told how long it waited for its turn", async () => {
    const { call, ended, elapse } = openSession({ maxTotalConcurrent: 1 });
    expect(call(1)).toMatchObject([{ type: "admitted", waitedMs: 0 }]);
    expect(call(2, { input: { q: "y" } })).toEqual([]);
    await elapse(300);
    expect(ended(1)).toMatchObject([
      { type: "outcome", id: 1 },
      { type: "admitted", id: 2, waitedMs: 300 },
    ]);
  });

  it("is told how long a further attempt waited, with its delay", async () => {
    const { handle, call, elapse } = openSession();
    const policy = { maxAttempts: 2, readOnly: true, retryDelayMs: 200 };
    handle({ type: "register", engine: "e", tool: "t", policy });
    call(1);
    const error = { name: "E", message: "m", stack: "" };
    handle({ type: "ended", id: 1, attempt: 1, ending: { type: "raised", error } });
    const [again] = await elapse(1_000);
    expect(again).toMatchObject({ type: "admitted", id: 1, attempt: 2 });
    expect(again && "waitedMs" in again && again.waitedMs).toBeGreaterThan(0);
  });

  it("has one outcome: a second ending, a late one and a cancel after it are ignored", () => {
    const { handle, call, ended } = openSession();
    call(1);
    expect(ended(1)).toHaveLength(1);
    expect(ended(1)).toEqual([]);
    expect(handle({ type: "cancel", id: 1 })).toEqual([]);
    expect(ended(99)).toEqual([]);
  });

  it("that the host settles by what its admission said is heard of no more, and counts", () => {
    const { handle, call } = openSession({ maxCalls: 2 });
    const ended = (id: number, digest: string) =>
      handle({ type: "ended", id, attempt: 1, ending: { type: "returned", digest, preview: null }, quiet: true });
    expect(call(1)).toMatchObject([{ ifReturned: { path: ["t"], attempts: 1, maxResultBytes: 100_000, unless: [] } }]);
    expect(ended(1, "d")).toEqual([]);
    expect(call(2)).toMatchObject([{ ifReturned: { unless: ["d"] } }]);
    expect(ended(2, "e")).toEqual([]);
    expect(call(3)).toMatchObject([{ outcome: { failure: { code: "usage-limit" } } }]);
  });

  it("whose outcome is larger than a frame is told with shorter texts, and what is refused in a frame's size as well", () => {
    const told: ToClient[] = [];
    const session = Session.ofHost(python, new FakeClock(), (message) => {
      encodeFrame(message);
      told.push(message);
    });
    const handle = (message: FromClient) => session.handle(message, Buffer.alloc(0));
    handle({ type: "open-engine", engine: "e", options: { maxConcurrent: 1 } });
    handle({ type: "register", engine: "e", tool: "t", policy: {} });
    // As JSON six times as long.
    const detail = "\u0001".repeat(3_000_000);
    handle({ type: "call", id: 1, engine: "e", tool: "t" });
    handle({ type: "ended", id: 1, attempt: 1, ending: { type: "invalid", detail } });
    expect(told.at(-1)).toMatchObject({ type: "outcome", id: 1, outcome: { failure: { code: "invalid-input" } } });
    handle({ type: "call", id: 2, engine: detail, tool: "t" });
    expect(told.at(-1)).toMatchObject({ type: "refused", id: 2 });
    handle({ type: "call", id: 3, engine: "e", tool: "t" });
    expect(told.at(-1)).toMatchObject({ type: "admitted", id: 3 });
  });

  it("ends at the deadline that the host reports", () => {
    const { handle, call } = openSession();
    call(1, { timeoutMs: 1_000 });
    const [answer] = handle({ type: "ended", id: 1, attempt: 1, ending: { type: "expired", observedMs: 1_020 } });
    expect(answer).toMatchObject({ outcome: { status: "timed-out", failure: { code: "timed-out" } } });
  });

  it("whose host goes silent ends after its deadline and a grace, and the next one has its turn", async () => {
    const { call, ended, elapse } = openSession({ timeoutMs: 1_000, cancelGraceMs: 500, maxTotalConcurrent: 1 });
    const more = { atOnce: true, input: { q: "y" } };
    call(1, { atOnce: true });
    expect(call(2, more)).toEqual([]);
    expect(await elapse(3_400)).toEqual([]);
    expect(await elapse(200)).toMatchObject([
      { type: "outcome", id: 1, outcome: { failure: { code: "timed-out" } } },
      { type: "admitted", id: 2 },
    ]);
    expect(ended(1)).toEqual([]);
    expect(ended(2)).toMatchObject([{ id: 2, outcome: { status: "succeeded" } }]);
    expect(await elapse(60_000)).toEqual([]);
  });

  it("that waits for a person, or whose body's own call does, is not taken for silent", async () => {
    const { handle, call, elapse } = openSession({ timeoutMs: 1_000 });
    const [outer] = call(1, { atOnce: true });
    const parent = outer?.type === "admitted" ? outer.callId : "";
    const [inner] = call(2, { atOnce: true, parent, input: { q: "y" } });
    const waiting = inner?.type === "admitted" ? inner.callId : "";
    handle({ type: "pause", call: waiting });
    handle({ type: "pause", call: waiting });
    expect(await elapse(60_000)).toEqual([]);
    handle({ type: "resume", call: waiting });
    expect(await elapse(60_000)).toEqual([]);
    handle({ type: "resume", call: waiting });
    expect(await elapse(3_400)).toEqual([]);
    expect((await elapse(200)).map((message) => message.type)).toEqual(["outcome", "outcome"]);
    handle({ type: "pause", call: waiting });
  });

  it("before whose body a framework stands ends likewise, later, if its host does not say that it waits", async () => {
    const { call, elapse } = openSession({ timeoutMs: 1_000, maxTotalConcurrent: 1 });
    call(1);
    call(2, { input: { q: "y" } });
    expect(await elapse(13_400)).toEqual([]);
    expect(await elapse(200)).toMatchObject([
      { type: "outcome", id: 1, outcome: { failure: { code: "timed-out" } } },
      { type: "admitted", id: 2 },
    ]);
  });

  it("before whose body its host waits for a person ends by the wait timeout, and not if it begins before", async () => {
    const { handle, call, ended, elapse } = openSession({ timeoutMs: 1_000, waitTimeoutMs: 60_000, maxCalls: 1 });
    call(1);
    handle({ type: "waits", id: 1 });
    expect(await elapse(59_000)).toEqual([]);
    expect(await elapse(1_100)).toMatchObject([
      { type: "outcome", id: 1, outcome: { failure: { code: "cancelled", body: "not-started" } } },
    ]);
    expect(handle({ type: "begins", id: 1 })).toMatchObject([{ type: "refused", id: 1 }]);
    call(2);
    handle({ type: "waits", id: 2 });
    expect(await elapse(59_000)).toEqual([]);
    expect(handle({ type: "begins", id: 2 })).toMatchObject([{ type: "admitted", id: 2, attempt: 1 }]);
    expect(await elapse(13_000)).toEqual([]);
    expect(ended(2)).toMatchObject([{ outcome: { status: "succeeded" } }]);
  });

  it("that is to go to a worker, and is not sent, frees what it holds", async () => {
    const { call, elapse } = openSession({ timeoutMs: 1_000, placement: "worker", maxTotalConcurrent: 1 });
    call(1, { atOnce: true });
    expect(call(2, { input: { q: "y" } })).toEqual([]);
    expect(await elapse(3_600)).toMatchObject([
      { type: "outcome", id: 1, outcome: { failure: { body: "not-started" } } },
      { type: "admitted", id: 2 },
    ]);
  });

  it("with an endless key is one with those that have the same, and the key is not kept", () => {
    const { call, ended } = openSession();
    const key = "k".repeat(1_000_000);
    call(1, { idempotencyKey: key });
    ended(1);
    expect(call(2, { idempotencyKey: key })).toMatchObject([{ outcome: { attempts: 0 } }]);
    expect(call(3, { idempotencyKey: `${key}k` })).toMatchObject([{ type: "admitted" }]);
    expect(JSON.stringify(call(4, { idempotencyKey: key })).length).toBeLessThan(5_000);
  });

  it("takes the smaller of its timeout and the time its caller has", () => {
    const { call } = openSession();
    expect(call(1, { timeoutMs: 1_000, withinMs: 300 })).toMatchObject([{ timeoutMs: 300 }]);
    expect(call(2, { timeoutMs: 1_000, withinMs: 3_000 })).toMatchObject([{ timeoutMs: 1_000 }]);
    expect(call(3, { timeoutMs: null, withinMs: 3_000 })).toMatchObject([{ timeoutMs: 3_000 }]);
    expect(call(4, { timeoutMs: null })).toMatchObject([{ timeoutMs: null }]);
    expect(call(5, { withinMs: -4 })).toMatchObject([{ timeoutMs: 1 }]);
  });

  it("that somebody steps through runs on the host without a deadline", () => {
    const { handle, call } = openSession();
    handle({ type: "register", engine: "e", tool: "t", policy: { placement: "worker", timeoutMs: 5 } });
    expect(call(1, { debug: true })).toMatchObject([{ type: "admitted", placement: "host", timeoutMs: null }]);
  });

  it("joins the tree of the call whose body made it", () => {
    const { call } = openSession({ maxDepth: 2 });
    const [outer] = call(1);
    const parent = outer?.type === "admitted" ? outer.callId : "";
    const [inner] = call(2, { parent, input: { q: "y" } });
    expect(inner).toMatchObject({ type: "admitted" });
    const innermost = call(3, { input: { q: "z" }, parent: inner?.type === "admitted" ? inner.callId : "" });
    expect(innermost).toMatchObject([{ outcome: { path: ["t", "t", "t"], failure: { code: "depth-exceeded" } } }]);
  });

  it("answered by a framework's cache is no body, but repeats", () => {
    const { handle, call } = openSession();
    for (let id = 1; id <= 3; id += 1) {
      call(id);
      const answer = handle({ type: "ended", id, attempt: 1, ending: { type: "answered", digest: "d", preview: "p" } });
      expect(answer).toMatchObject([{ outcome: { status: "succeeded", attempts: 0 } }]);
    }
    expect(call(4)).toMatchObject([{ outcome: { failure: { code: "repeated-call" } } }]);
  });

  it("without an encoded input is never compared", () => {
    const { handle, ended } = openSession();
    for (let id = 1; id <= 8; id += 1) {
      expect(handle({ type: "call", id, engine: "e", tool: "t", run: "r" })).toMatchObject([{ type: "admitted" }]);
      ended(id);
    }
  });

  it("of a worker tool is refused a time for its preparation that is none", () => {
    const { handle, call } = openSession({ placement: "worker" });
    call(1);
    for (const preparedMs of [-1, Number.NaN, "5" as never])
      expect(handle({ type: "start", id: 1, load: "k", preparedMs })).toMatchObject([
        { type: "refused", message: expect.stringContaining("preparedMs") },
      ]);
  });

  it("of a worker tool waits for its arguments, and may be given back", () => {
    const { handle, call } = openSession();
    handle({ type: "register", engine: "e", tool: "t", policy: { placement: "worker", maxCalls: 1 } });
    expect(call(1)).toMatchObject([{ type: "admitted", placement: "worker" }]);
    const [answer] = handle({
      type: "ended",
      id: 1,
      attempt: 1,
      ending: { type: "not-run", detail: "a hook blocked it" },
    });
    expect(answer).toMatchObject({ outcome: { status: "cancelled", attempts: 0 } });
    expect(call(2)).toMatchObject([{ type: "admitted" }]);
  });
});

describe("closing an engine", () => {
  it("cancels its calls in flight, and those of no other", () => {
    const { handle, call, ended } = openSession();
    handle({ type: "open-engine", engine: "other", options: {} });
    handle({ type: "register", engine: "other", tool: "t", policy: {} });
    call(1);
    handle({ type: "call", id: 2, engine: "other", tool: "t" });
    const told = handle({ type: "close-engine", engine: "e" });
    expect(told).toMatchObject([{ id: 1, outcome: { status: "cancelled", attempts: 1 } }]);
    expect(ended(2)).toMatchObject([{ id: 2, outcome: { status: "succeeded" } }]);
  });
});

describe("a message that makes no sense", () => {
  it.each([
    [{ type: "from-the-future" }, "unexpected message"],
    [{ type: "open-engine", engine: "e", options: {} }, "open already"],
    [{ type: "open-engine", engine: "f", options: { timeoutMs: -1 } }, "got -1"],
    [{ type: "register", engine: "gone", tool: "t", policy: {} }, "no engine named gone"],
    [{ type: "register", engine: "e", tool: "t", policy: { maxCals: 1 } }, "Did you mean maxCalls"],
    [{ type: "call", id: 5, engine: "e", tool: "t", run: "gone" }, "no run gone"],
    [{ type: "call", id: "5", engine: "e", tool: "t" }, "call id 5"],
  ])("is refused with the reason: %j", (message, reason) => {
    const { handle } = openSession();
    const answers = handle(message as unknown as FromClient);
    expect(answers).toMatchObject([{ type: "refused", about: message.type, message: expect.stringContaining(reason) }]);
  });

  it("that asks for a call is refused by that call's id, so that its caller does not wait", () => {
    const { call } = openSession();
    call(1);
    expect(call(1)).toMatchObject([{ type: "refused", id: 1 }]);
    expect(call(2, { engine: "gone" })).toMatchObject([{ type: "refused", id: 2 }]);
  });
});

describe("a defect of the engine", () => {
  it("ends the call that it is about, once, and leaves the others alone", async () => {
    const errors: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => errors.push(error));
    onTestFinished(() => {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    });
    const sent: ToClient[] = [];
    const broken = new Error("broken");
    const session = Session.ofHost(python, new FakeClock(), (message) => {
      if (message.type === "admitted" && message.id === 2) throw broken;
      sent.push(message);
    });
    const handle = (message: FromClient): void => session.handle(message, Buffer.alloc(0));
    handle({ type: "open-engine", engine: "e", options: { maxConcurrent: 1 } });
    handle({ type: "register", engine: "e", tool: "t", policy: {} });
    for (const id of [1, 2, 3]) handle({ type: "call", id, engine: "e", tool: "t" });
    handle({ type: "ended", id: 1, attempt: 1, ending: { type: "returned", digest: null, preview: null } });
    const told = sent.map((message) => ("id" in message ? `${message.type} ${message.id}` : message.type)).sort();
    expect(told).toEqual(["admitted 1", "admitted 3", "outcome 1", "outcome 2"]);
    await Promise.resolve();
    expect(errors).toEqual([broken]);
  });
});
