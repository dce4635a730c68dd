import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Unsuccessful } from "../src/call/outcome.ts";
import type { FromClient, ToClient } from "../src/server/messages.ts";
import { Session } from "../src/server/session.ts";
import { FakeClock } from "./support/fake-clock.ts";

const python = {
  executable: "python-that-is-not-started",
  flags: [],
  path: Buffer.alloc(0),
  environment: {},
  stdout: null,
  host: 1,
  journals: null,
};

/** A client as the Python package is one: it sends a call again under its number, and an ending that nobody answered. */
class Client {
  readonly clock = new FakeClock();
  readonly directory: string;
  /** Numbers of calls whose body runs here, and of those whose admission is not known here. */
  readonly running = new Set<number>();
  readonly asking = new Set<number>();
  bodies = 0;
  rejections: string[] = [];
  #session!: Session;
  #answered = false;
  #lastId = 0;

  readonly #policy: object;

  constructor(policy: object) {
    this.#policy = policy;
    this.directory = mkdtempSync(join(tmpdir(), "endstop-test-"));
    this.#start();
  }

  /** The engine dies and another is started. */
  lose(): void {
    this.#start();
    for (const id of this.asking) this.#call(id);
  }

  /** @param dies after the engine has decided and before this client hears of it */
  call(dies: boolean): void {
    const id = ++this.#lastId;
    this.asking.add(id);
    this.#call(id, dies);
    if (dies) this.lose();
  }

  /** The body of a call ends here. @param dies after the engine has written it down and before this client hears of it */
  end(id: number, started: boolean, dies: boolean): void {
    const ending = started
      ? ({ type: "returned", digest: null, preview: null } as const)
      : ({ type: "not-run", detail: "" } as const);
    this.running.delete(id);
    if (!started) this.bodies -= 1;
    this.#send({ type: "ended", id, attempt: 1, ending }, dies);
    if (dies) {
      this.lose();
      this.#send({ type: "ended", id, attempt: 1, ending, again: true });
    }
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #start(): void {
    const calls = [...this.running, ...this.asking];
    this.#session = Session.ofHost(python, this.clock, (message) => this.#hear(message), { directory: this.directory });
    const resume = this.#answered ? { resume: { answered: true, calls } } : {};
    this.#send({ type: "open-engine", engine: "e", options: { rejectionsToEndAgent: null }, ...resume });
    this.#send({ type: "register", engine: "e", tool: "t", policy: this.#policy });
    this.#send({ type: "open-run", engine: "e", run: "r", resume: this.#answered });
  }

  #call(id: number, dies = false): void {
    this.#send({ type: "call", id, engine: "e", tool: "t", run: "r" }, dies);
  }

  #deaf = false;

  #send(message: FromClient, deaf = false): void {
    this.#deaf = deaf;
    this.#session.handle(message, Buffer.alloc(0));
    this.#deaf = false;
  }

  #hear(message: ToClient): void {
    if (this.#deaf) return;
    if (message.type === "admitted") {
      this.#answered = true;
      this.asking.delete(message.id);
      this.running.add(message.id);
      this.bodies += 1;
    } else if (message.type === "outcome" && this.asking.delete(message.id)) {
      this.#answered = true;
      const { outcome } = message;
      this.rejections.push(outcome.status === "rejected" ? (outcome as Unsuccessful).failure.code : outcome.status);
    }
  }
}

function makeClient(policy: object): Client {
  const client = new Client(policy);
  onTestFinished(() => client.close());
  return client;
}

describe("an engine that is lost", () => {
  it("is resumed with its counts, and a call that it admitted goes on under the same id", () => {
    const client = makeClient({ maxCalls: 3 });
    client.call(false);
    client.call(true);
    client.lose();
    client.call(false);
    client.call(false);
    expect([client.bodies, client.rejections]).toEqual([3, ["usage-limit"]]);
    client.end(2, true, true);
    client.end(1, false, false);
    client.call(false);
    expect([client.bodies, client.rejections]).toEqual([3, ["usage-limit"]]);
  });

  it("without a journal that can be read admits only what reads, in the runs that it does not remember", () => {
    const client = makeClient({});
    client.call(false);
    rmSync(join(client.directory, "e.r.journal"));
    client.lose();
    client.call(false);
    expect(client.rejections).toEqual(["history-lost"]);
    const reading = makeClient({ readOnly: true });
    reading.call(false);
    rmSync(join(reading.directory, "e.r.journal"));
    reading.lose();
    reading.call(false);
    expect([reading.bodies, reading.rejections]).toEqual([2, []]);
  });

  it("at any state of a call never makes a limit pass, nor refuse below it", () => {
    const step = fc.record({
      action: fc.constantFrom("call", "call", "end", "lose"),
      pick: fc.nat(),
      started: fc.boolean(),
      dies: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 40 }), (limit, steps) => {
        const client = new Client({ maxCalls: limit, maxCallsPerRun: limit });
        try {
          for (const { action, pick, started, dies } of steps) {
            const before = client.bodies;
            const rejected = client.rejections.length;
            if (action === "lose") client.lose();
            else if (action === "call") {
              client.call(dies);
              expect(client.bodies).toBe(Math.min(limit, before + 1));
              expect(client.rejections.length - rejected).toBe(before < limit ? 0 : 1);
            } else if (client.running.size > 0) {
              const id = [...client.running][pick % client.running.size] as number;
              client.end(id, started, dies);
            }
            expect(client.bodies).toBeLessThanOrEqual(limit);
            expect(client.asking.size).toBe(0);
          }
        } finally {
          client.close();
        }
      }),
      { numRuns: 60 },
    );
  });
});
