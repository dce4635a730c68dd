import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { Call } from "../state/call.ts";
import { Engines } from "./engines.ts";
import { GuestEngines } from "./guest-engines.ts";
import { Guests } from "./guests.ts";
import type { FromClient, ToClient } from "./messages.ts";
import { Session } from "./session.ts";
import { Shared } from "./shared.ts";

const python = {
  executable: "python-that-is-not-started",
  flags: [],
  path: Buffer.alloc(0),
  environment: {},
  stdout: null,
  host: 1,
  journals: null,
};
const NO_BYTES = Buffer.alloc(0);

interface Peer {
  (message: unknown): ToClient[];
  readonly session: Session;
}

/** A host with two calls in flight, each in a run of its own, and guests of the first. */
function people() {
  const clock = new FakeClock();
  const engines = new Engines(clock, undefined);
  const guests = new Guests(
    () => ({ handle: () => undefined, leave: () => undefined }),
    () => undefined,
  );
  const shared = new Shared(
    python,
    clock,
    engines,
    guests,
    () => false,
    () => undefined,
    "",
  );
  const peer = (open: Engines | GuestEngines, own?: Call): Peer => {
    const sent: ToClient[] = [];
    const session = new Session(shared, open, (message) => void sent.push(message), own);
    const ask = (message: unknown): ToClient[] => {
      session.handle(message as FromClient, NO_BYTES);
      return sent.splice(0);
    };
    return Object.assign(ask, { session });
  };
  const host = peer(engines);
  host({ type: "open-engine", engine: "e", options: { budgetCalls: null } });
  host({ type: "register", engine: "e", tool: "t", policy: { maxCalls: 3, timeoutMs: 5_000 } });
  host({ type: "register", engine: "e", tool: "other", policy: {} });
  for (const run of ["r1", "r2"]) host({ type: "open-run", engine: "e", run });
  const begin = (id: number, run: string): Call => {
    const [admitted] = host({ type: "call", id, engine: "e", tool: "other", run, input: id });
    return shared.calls.get(admitted?.type === "admitted" ? admitted.callId : "") as Call;
  };
  const [own, foreign] = [begin(1, "r1"), begin(2, "r2")];
  const guest = (): Peer => {
    const made = peer(new GuestEngines(shared.engines, own.run), own);
    made({ type: "open-engine", engine: "e", options: {} });
    return made;
  };
  return { host, guest, own, foreign, shared, clock };
}

const call = (id: number, more: object = {}) => ({ type: "call", id, engine: "e", tool: "t", input: id, ...more });
const returned = (id: number) => ({
  type: "ended",
  id,
  attempt: 1,
  ending: { type: "returned", digest: `d${id}`, preview: null },
});
const isRefused = { type: "refused" };

/** What a guest may do with each message, and what it may not. The table of protocol/README.md in code. */
const MESSAGES: Readonly<Record<FromClient["type"], (all: ReturnType<typeof people>) => void | Promise<void>>> = {
  hello({ guest }) {
    expect(guest()({ type: "hello", protocol: 1, version: "x", pid: 1 })).toMatchObject([isRefused]);
  },
  "open-engine"({ guest, host }) {
    const one = guest();
    expect(one({ type: "open-engine", engine: "own", options: { maxDepth: 3 } })).toEqual([]);
    expect(host({ type: "describe", id: 7, engine: "own", tool: "t" })).toMatchObject([isRefused]);
    for (let n = 0; n < 98; n += 1) one({ type: "open-engine", engine: `own-${n}`, options: {} });
    expect(one({ type: "open-engine", engine: "one-more", options: {} })).toMatchObject([isRefused]);
    expect(guest()({ type: "open-engine", engine: {}, options: {} })).toMatchObject([isRefused]);
  },
  "close-engine"({ guest, host }) {
    guest()({ type: "close-engine", engine: "e" });
    expect(host(call(9))).toMatchObject([{ type: "admitted" }]);
    const [maker, other] = [guest(), guest()];
    for (const each of [maker, other]) each({ type: "open-engine", engine: "shared", options: {} });
    maker({ type: "register", engine: "shared", tool: "s", policy: {} });
    other({ type: "close-engine", engine: "shared" });
    expect(maker(call(3, { engine: "shared", tool: "s" }))).toMatchObject([{ type: "admitted" }]);
  },
  register({ guest, host }) {
    const [one, other] = [guest(), guest()];
    one({ type: "register", engine: "e", tool: "t", policy: { maxCalls: null, timeoutMs: 60_000 } });
    expect(host({ type: "describe", id: 7, engine: "e", tool: "t" })).toMatchObject([
      { limits: { maxCalls: { value: 3 } } },
    ]);
    expect(one(call(1))).toMatchObject([{ type: "admitted", timeoutMs: 5_000 }]);
    // Narrower holds, for its own calls alone.
    one({ type: "register", engine: "e", tool: "t", policy: { maxCalls: 1, timeoutMs: 100 } });
    expect(one(call(2))).toMatchObject([{ outcome: { failure: { code: "usage-limit" } } }]);
    expect(other(call(2))).toMatchObject([{ type: "admitted", timeoutMs: 5_000 }]);
    expect(host(call(8))).toMatchObject([{ type: "admitted", timeoutMs: 5_000 }]);
    for (const peer of [one, other, host])
      expect(peer(call(99))).toMatchObject([{ outcome: { failure: { code: "usage-limit" } } }]);
    // A tool that nobody had is added once; of an engine of its own it says what holds.
    one({ type: "register", engine: "e", tool: "new", policy: { maxCalls: 1 } });
    one({ type: "register", engine: "e", tool: "new", policy: {} });
    expect(host({ type: "describe", id: 7, engine: "e", tool: "new" })).toMatchObject([
      { limits: { maxCalls: { value: 1 } } },
    ]);
    expect(one({ type: "register", engine: "e", tool: 5, policy: {} })).toMatchObject([isRefused]);
    expect(one({ type: "register", engine: "e", tool: "t", policy: { maxCalls: -1 } })).toMatchObject([isRefused]);
  },
  load({ guest, host }) {
    // The body is empty here: only its own hash is its key.
    for (const peer of [guest(), host])
      expect(peer({ type: "load", key: "a".repeat(64), modules: [] })).toMatchObject([
        { type: "refused", message: expect.stringContaining("sha256") },
      ]);
    expect(createHash("sha256").update("").digest("hex")).toMatch(/^e3b0c4/);
  },
  "open-run"({ guest, host }) {
    const one = guest();
    one({ type: "open-run", engine: "e", run: "r2" });
    expect(one(call(1, { run: "r2" }))).toMatchObject([isRefused]);
    one({ type: "open-run", engine: "e", run: "r1" });
    expect(one(call(2, { run: "r1" }))).toMatchObject([{ type: "admitted" }]);
    one({ type: "open-run", engine: "e", run: "mine", joins: true });
    expect(one(call(3, { run: "mine" }))).toMatchObject([{ type: "admitted" }]);
    expect(host(call(9, { run: "mine" }))).toMatchObject([isRefused]);
    expect(one({ type: "open-run", engine: "e", run: 5 })).toMatchObject([isRefused]);
  },
  "end-run"({ guest, host }) {
    const one = guest();
    for (const run of ["r1", "r2", "mine"]) one({ type: "open-run", engine: "e", run });
    expect(one({ type: "end-run", engine: "e", run: "r2", reason: "no" })).toMatchObject([isRefused]);
    expect(one({ type: "end-run", engine: "e", run: "mine", reason: "done" })).toEqual([]);
    expect(one(call(1, { run: "mine" }))).toMatchObject([{ outcome: { failure: { code: "run-ended" } } }]);
    expect(one({ type: "end-run", engine: "e", run: "r1", reason: "done" })).toEqual([]);
    expect(one(call(2, { run: "r1" }))).toMatchObject([{ outcome: { failure: { code: "run-ended" } } }]);
    for (const run of ["r1", "r2"])
      expect(host(call(run === "r1" ? 8 : 9, { run }))).toMatchObject([{ type: "admitted" }]);
  },
  "close-run"({ guest, host }) {
    const one = guest();
    for (const run of ["r1", "r2"]) {
      one({ type: "open-run", engine: "e", run });
      one({ type: "close-run", engine: "e", run });
      expect(host(call(run === "r1" ? 8 : 9, { run }))).toMatchObject([{ type: "admitted" }]);
    }
  },
  describe({ guest }) {
    expect(guest()({ type: "describe", id: 1, engine: "e", tool: "t" })).toMatchObject([{ type: "described" }]);
    expect(guest()({ type: "describe", id: 1, engine: "unopened", tool: "t" })).toMatchObject([isRefused]);
  },
  stats({ guest }) {
    expect(guest()({ type: "stats", id: 1, engine: "e" })).toMatchObject([{ type: "stats" }]);
    expect(guest()({ type: "stats", id: 1, engine: "unopened" })).toMatchObject([isRefused]);
  },
  calls({ guest, host, own, foreign }) {
    const one = guest();
    const [below] = one(call(1));
    const [told] = one({ type: "calls", id: 2, engine: "e" });
    const ids = told?.type === "calls" ? told.calls.map(({ callId }) => callId) : [];
    expect(ids.sort()).toEqual([own.id, below?.type === "admitted" ? below.callId : ""].sort());
    const [all] = host({ type: "calls", id: 2, engine: "e" });
    expect(JSON.stringify(all)).toContain(foreign.id);
  },
  invite({ guest, foreign }) {
    expect(guest()({ type: "invite", id: 1, call: foreign.id })).toMatchObject([isRefused]);
  },
  call({ guest, own, foreign, shared }) {
    const one = guest();
    one(call(1, { parent: foreign.id }));
    const [made] = [...shared.calls.values()].slice(-1);
    expect(made?.parent).toBe(own);
    expect(one(call(2, { run: "r2" }))).toMatchObject([isRefused]);
    expect(one(call(3, { timeoutMs: null }))).toMatchObject([{ timeoutMs: 5_000 }]);
    expect(one(call(4, { timeoutMs: 100 }))).toMatchObject([{ timeoutMs: 100 }]);
    for (const wrong of [{ tool: 5 }, { run: 5 }, { parent: {} }, { timeoutMs: "1" }, { withinMs: "x" }, { debug: 1 }])
      expect(one(call(50, wrong))).toMatchObject([{ type: "refused", id: 50 }]);
    expect(one(call(51, { tool: "other", debug: true, timeoutMs: 9 }))).toMatchObject([{ timeoutMs: 9 }]);
    for (let id = 1_000; id < 2_000; id += 1) one(call(id, { tool: "other" }));
    expect(one(call(2_001, { tool: "other" }))).toMatchObject([isRefused]);
  },
  start({ guest, host }) {
    expect(guest()({ type: "start", id: 2, load: "k" })).toEqual([]);
    expect(host(returned(2))).toMatchObject([{ outcome: { status: "succeeded" } }]);
  },
  ended({ guest, host }) {
    const one = guest();
    expect(one(returned(2))).toEqual([]);
    expect(host(returned(2))).toMatchObject([{ outcome: { status: "succeeded" } }]);
    for (const [index, ending] of NO_ENDINGS.entries()) {
      const id = 10 + index;
      expect(one(call(id, { tool: "other" }))).toMatchObject([{ type: "admitted" }]);
      expect(one({ type: "ended", id, attempt: 1, quiet: true, ending })).toMatchObject([
        { type: "outcome", id, outcome: { status: "cancelled", failure: { body: "effect-unknown" } } },
      ]);
      expect(one(returned(id))).toEqual([]);
    }
  },
  ping({ guest }) {
    expect(guest()({ type: "ping" })).toEqual([{ type: "pong" }]);
  },
  pause: pausesNobodyElse,
  resume: pausesNobodyElse,
  cancel: ofAnother("cancel"),
  withdraw: ofAnother("withdraw"),
  waits: ofAnother("waits"),
  begins({ guest, host }) {
    expect(guest()({ type: "begins", id: 2 })).toMatchObject([{ type: "refused", id: 2 }]);
    expect(host(returned(2))).toMatchObject([{ outcome: { status: "succeeded" } }]);
  },
  "cancel-call"({ guest, host, foreign }) {
    expect(guest()({ type: "cancel-call", engine: "e", call: foreign.id })).toEqual([]);
    expect(host(returned(2))).toMatchObject([{ outcome: { status: "succeeded" } }]);
  },
};

/** Calls whose host is silent end 2 s after deadline and grace, whatever a guest says of them. */
async function pausesNobodyElse({ guest, host, own, foreign, clock }: ReturnType<typeof people>): Promise<void> {
  host(call(5, { tool: "t", run: "r2", atOnce: true }));
  const one = guest();
  for (const each of [own, foreign]) {
    one({ type: "pause", call: each.id });
    one({ type: "resume", call: each.id });
    one({ type: "pause", call: each.id });
  }
  const [told] = host({ type: "calls", id: 6, engine: "e" });
  const found = told?.type === "calls" ? told.calls.find(({ tool }) => tool === "t") : undefined;
  one({ type: "pause", call: found?.callId });
  await clock.advance(7_600);
  expect(host({ type: "ping" })).toMatchObject([{ type: "outcome", id: 5 }, { type: "pong" }]);
}

function ofAnother(type: "cancel" | "withdraw" | "waits") {
  return ({ guest, host }: ReturnType<typeof people>): void => {
    expect(guest()({ type, id: 2 })).toEqual([]);
    expect(host(returned(2))).toMatchObject([{ outcome: { status: "succeeded" } }]);
  };
}

const NO_ENDINGS: readonly unknown[] = [
  null,
  5,
  "returned",
  [],
  {},
  { type: "from-the-future" },
  { type: "returned", digest: {}, preview: null },
  { type: "returned", digest: "d", preview: 5 },
  { type: "raised" },
  { type: "raised", error: null },
  { type: "raised", error: { name: "E", message: 5, stack: "" } },
  { type: "raised", error: { name: "E", message: "m", stack: "", cause: 7 } },
  { type: "expired", observedMs: "1" },
  { type: "shared", ending: { type: "shared" } },
  { type: "deadlocked", caps: 5 },
  { type: "over-quota", quota: "constructor", observed: 1, limit: 1 },
  { type: "memory-pressure", observedBytes: 1, shareBytes: 1 },
  { type: "crashed", signal: "SIGKILL", exitCode: null },
  { type: "cannot-move", detail: "d", started: "no" },
  { type: "too-large", part: "result", observedBytes: -1, limitBytes: 1, started: true },
  { type: "cancelled", detail: "d", body: "toString" },
  { type: "invalid", detail: {} },
];

describe("what a process that belongs to a call may send", () => {
  it.each(Object.keys(MESSAGES) as FromClient["type"][])("%s", (type) => MESSAGES[type](people()));

  it("stands in the protocol's table, message by message", () => {
    const text = readFileSync(new URL("../../../protocol/README.md", import.meta.url), "utf8");
    const table = text.split("## Who may send what")[1]?.split("\n## ")[0] ?? "";
    const rows = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) => cell?.match(/(?<=`)[a-z-]+(?=`)/g) ?? []);
    expect(rows.sort()).toEqual(Object.keys(MESSAGES).sort());
  });

  it("is refused with bounded, printable text, whatever it is", () => {
    const { guest } = people();
    const [answer] = guest()({ type: `\u001b[2J${"x".repeat(1_000_000)}`, id: { $: 1 } });
    expect(JSON.stringify(answer).length).toBeLessThan(5_000);
    expect(answer).toMatchObject({ about: expect.stringMatching(/^\\x1b\[2Jx/) });
    expect(answer).not.toHaveProperty("id");
  });
});
