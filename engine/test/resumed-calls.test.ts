import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { FromClient, ToClient } from "../src/server/messages.ts";
import { Session } from "../src/server/session.ts";
import { FakeClock } from "./support/fake-clock.ts";

const PYTHON = {
  executable: null,
  refusal: "none in this test",
  flags: [],
  path: Buffer.alloc(0),
  stdout: null,
} as const;
const OPTIONS = { agents: { Analyst: { maxResultBytes: 500 } } };
const POLICY = { redact: ["pin"], readOnly: true };

/** An engine with one call of the Analyst's in flight, which is lost; and the one that follows it. */
function lostAndFollowed(agentName?: string) {
  const directory = mkdtempSync(join(tmpdir(), "endstop-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const heard: ToClient[] = [];
  const clock = new FakeClock();
  const engine = (resume?: object): Session => {
    const python = PYTHON as unknown as Parameters<typeof Session.ofHost>[0];
    const session = Session.ofHost(python, clock, (message) => heard.push(message), { directory });
    const tell = (message: object): void => session.handle(message as FromClient, Buffer.alloc(0));
    tell({ type: "open-engine", engine: "e", options: OPTIONS, ...resume });
    tell({ type: "register", engine: "e", tool: "t", policy: POLICY });
    tell({ type: "open-run", engine: "e", run: "r", resume: resume !== undefined });
    return session;
  };
  const call = { type: "call", id: 1, engine: "e", tool: "t", run: "r", input: { pin: "4711-x" } };
  const agent = agentName === undefined ? { agent: "Analyst" } : { agent: "of this task", agentName };
  engine().handle({ ...call, ...agent } as FromClient, Buffer.alloc(0));
  const next = engine({ resume: { answered: true, lastAdmitted: 1, calls: [1] } });
  const tell = (message: object): void => next.handle(message as FromClient, Buffer.alloc(0));
  const texts = (): string =>
    JSON.stringify(heard) + readdirSync(directory).map((name) => readFileSync(join(directory, name), "utf8"));
  return { tell, heard, texts, call: { ...call, ...agent } };
}

const raised = { type: "raised", error: { name: "E", message: "no door for 4711-x", stack: "" } };

it.each([undefined, "Analyst"])("a call that was resumed keeps the limits of its agent (%s)", (agentName) => {
  const { tell, heard } = lostAndFollowed(agentName);
  tell({ type: "ended", id: 1, attempt: 1, ending: { type: "returned", digest: "d", preview: "p" }, again: true });
  expect(heard.at(-1)).toMatchObject({ type: "outcome", outcome: { status: "succeeded", maxResultBytes: 500 } });
});

it("a body that outlived its engine has no secret of its input in what is told and written", () => {
  const { tell, heard, texts } = lostAndFollowed();
  tell({ type: "ended", id: 1, attempt: 1, ending: raised, again: true, secrets: ["4711-x"] });
  expect(JSON.stringify(heard.at(-1))).toContain("no door for ***");
  expect(texts()).not.toContain("4711-x");
});

it("a call that is asked for again has no secret of its input in what is told and written", () => {
  const { tell, heard, texts, call } = lostAndFollowed();
  tell(call);
  expect(heard.at(-1)).toMatchObject({ type: "admitted", id: 1 });
  tell({ type: "ended", id: 1, attempt: 1, ending: raised });
  expect(JSON.stringify(heard.at(-1))).toContain("no door for ***");
  expect(texts()).not.toContain("4711-x");
});

it("secrets of a call whose input was not sent are hidden, and are a list of texts", () => {
  const { tell, heard, texts } = lostAndFollowed();
  const { input: _input, ...call } = { id: 2, engine: "e", tool: "t", input: null };
  tell({ type: "call", ...call, secrets: "4711-x" });
  expect(heard.at(-1)).toMatchObject({
    type: "refused",
    id: 2,
    message: "secrets must be a list of texts, got string",
  });
  tell({ type: "call", ...call, id: 3, secrets: ["4711-x"] });
  tell({ type: "ended", id: 3, attempt: 1, ending: raised });
  expect(JSON.stringify(heard.at(-1))).toContain("no door for ***");
  expect(texts()).not.toContain("4711-x");
});
