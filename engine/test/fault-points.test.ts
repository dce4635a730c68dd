import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Unsuccessful } from "../src/call/outcome.ts";
import type { PythonPool } from "../src/execution/python/pool.ts";
import type { FromClient, ToClient } from "../src/server/messages.ts";
import { Session } from "../src/server/session.ts";
import { FakeClock } from "./support/fake-clock.ts";

// Each use of the file system is a moment at which an engine can be killed: before it, or in the middle of a write.
const fault = vi.hoisted(() => ({ left: Number.POSITIVE_INFINITY, isDead: false, cuts: false }));

vi.mock("node:fs", async (importOriginal) => {
  const real = await importOriginal<typeof import("node:fs")>();
  const watched = Object.entries(real).map(([name, found]) => {
    if (typeof found !== "function" || !name.endsWith("Sync") || name === "closeSync") return [name, found];
    const use = found as (...given: unknown[]) => unknown;
    return [
      name,
      (...given: unknown[]) => {
        fault.left -= 1;
        if (fault.left === 0 && !fault.isDead) {
          fault.isDead = true;
          const [target, text, ...rest] = given;
          const isText = name === "writeSync" || name === "appendFileSync";
          // What the system took of it before the end.
          if (fault.cuts && isText) use(target, String(text).slice(0, String(text).length / 2), ...rest);
        }
        // By its code, what looks for other processes does not wait for them.
        if (fault.isDead) throw Object.assign(new Error(`the engine is dead before ${name}`), { code: "ESRCH" });
        return use(...given);
      },
    ];
  });
  return { ...real, ...Object.fromEntries(watched) };
});

/** A dead engine has no unhandled errors. */
vi.mock("../src/util/rethrow-alone.ts", () => ({
  rethrowAlone: (error: unknown) => {
    if (!fault.isDead) throw error;
  },
}));

/** Workers that note what they begin and never end. */
vi.mock("../src/execution/python/pool.ts", async () => {
  const { writeFileSync, mkdirSync } = await vi.importActual<typeof import("node:fs")>("node:fs");
  return {
    PythonPool: class {
      readonly directory: string;
      #workers = 0;
      constructor(...[, , , , opened]: ConstructorParameters<typeof PythonPool>) {
        world.pools += 1;
        this.directory = join(world.folder, `endstop-${world.pools}`);
        mkdirSync(this.directory);
        opened(this.directory);
      }
      load(): void {}
      run(job: { callId: string; attempt: number; key: string; given(note: string): void; begun(): void }): void {
        if (job.key === "waits") return;
        this.#workers += 1;
        const note = join(this.directory, `worker-${this.#workers}.started`);
        writeFileSync(note, ` 0 0 0 ${NOBODY}\n`);
        job.given(note);
        if (fault.isDead) return;
        if (job.key === "begins") {
          writeFileSync(note, `${job.callId} ${job.attempt} 1.5 2 ${NOBODY}\n`);
          world.begun += 1;
        }
        job.begun();
      }
    },
  };
});

/** A process id that is no process's. */
const NOBODY = 4_194_305;
const LIMIT = 6;
const world = { folder: "", pools: 0, begun: 0 };

beforeEach(() => {
  // A dead engine says nothing.
  const write = process.stderr.write.bind(process.stderr);
  vi.spyOn(process.stderr, "write").mockImplementation((text) => fault.isDead || write(text));
});

function tidy(): void {
  fault.isDead = false;
  fault.left = Number.POSITIVE_INFINITY;
  if (world.folder !== "") rmSync(world.folder, { recursive: true, force: true });
}

afterAll(tidy);

/** A host as the Python package is one, with one executor, whose engines are killed. */
class Host {
  readonly clock = new FakeClock();
  readonly lost: string[] = [];
  readonly heard: ToClient[] = [];
  readonly #python = {
    executable: "",
    flags: [],
    path: Buffer.alloc(0),
    environment: {},
    stdout: null,
    host: 1,
    journals: null,
  };
  #session: Session | undefined;
  #isIntroduced = false;
  #hasCalled = false;
  #lastId = 0;

  constructor() {
    tidy();
    world.folder = mkdtempSync(join(tmpdir(), "endstop-test-"));
    world.pools = 0;
    world.begun = 0;
  }

  /** @param dies at which use of the file system; @param attaches whether the executor calls while it lives */
  engine(dies: number, attaches: boolean, work: () => void = () => undefined): boolean {
    fault.isDead = false;
    fault.left = dies;
    let directory: string | undefined;
    const hear = (message: ToClient): void => {
      if (fault.isDead) return;
      if (message.type === "directory") directory = message.path;
      this.heard.push(message);
    };
    try {
      const memory = { directory: world.folder, lost: [...this.lost] };
      this.#session = Session.ofHost(this.#python, this.clock, hear, memory);
      if (!fault.isDead) this.lost.length = 0;
      if (attaches) {
        this.#introduce();
        work();
      }
    } catch (error) {
      if (!fault.isDead) throw error;
    }
    const died = fault.isDead;
    fault.left = Number.POSITIVE_INFINITY;
    fault.isDead = false;
    if (directory !== undefined) this.lost.push(directory);
    return died;
  }

  #introduce(): void {
    const resume = this.#isIntroduced ? { resume: { answered: this.#hasCalled, calls: [] } } : {};
    this.#isIntroduced = true;
    this.#say({ type: "open-engine", engine: "e", options: { rejectionsToEndAgent: null }, ...resume });
    this.#say({ type: "register", engine: "e", tool: "pay", policy: { placement: "worker", maxCalls: LIMIT } });
    this.#say({ type: "open-run", engine: "e", run: "r", resume: this.#hasCalled });
  }

  call(load: string, more: { idempotencyKey?: string; run?: string } = {}): void {
    if (fault.isDead) return;
    this.#hasCalled = true;
    this.#lastId += 1;
    this.#say({ type: "call", id: this.#lastId, engine: "e", tool: "pay", input: { load }, load, ...more }, "args");
  }

  /** What an engine that lives lets the executor do yet: the uses that are left, and whether the key can be used. */
  left(): { uses: number; keyed: string } {
    let keyed = "";
    let uses = 0;
    this.engine(Number.POSITIVE_INFINITY, true, () => {
      const verdict = (): string => {
        const message = this.heard.at(-1);
        if (message?.type !== "outcome") return "admitted";
        return (message.outcome as Unsuccessful).failure?.code ?? message.outcome.status;
      };
      this.heard.length = 0;
      const before = world.begun;
      this.call("begins", { idempotencyKey: "k" });
      keyed = verdict();
      while (uses <= LIMIT && verdict() !== "usage-limit" && verdict() !== "history-lost") {
        this.heard.length = 0;
        this.call("begins");
        uses += 1;
      }
      uses = world.begun - before;
    });
    return { uses, keyed };
  }

  #say(message: FromClient, body = ""): void {
    this.#session?.handle(message, Buffer.from(body));
  }
}

function work(host: Host): void {
  host.call("begins", { idempotencyKey: "k" });
  host.call("is-given");
  host.call("begins", { run: "r" });
  host.call("waits");
  host.call("is-given", { run: "r" });
}

/** Runs a history with an engine that dies at each of its moments, until it does not die any more. */
function atEachMoment(history: (dies: number) => boolean): number {
  for (let dies = 1; ; dies += 1) if (!history(dies)) return dies;
}

describe.each([{ cuts: false }, { cuts: true }])(
  "an engine that is killed at each moment (in a write: $cuts)",
  ({ cuts }) => {
    beforeEach(() => {
      fault.cuts = cuts;
    });

    it("while it works, has the next one give back exactly what no worker had begun", () => {
      const moments = atEachMoment((dies) => {
        const host = new Host();
        const died = host.engine(dies, true, () => work(host));
        const { begun } = world;
        const { uses, keyed } = host.left();
        // Before its journal was there nothing was admitted, and the next engine does not know that.
        if (begun > 0) expect([dies, uses + begun, keyed]).toEqual([dies, LIMIT, "effect-unknown"]);
        else expect(uses + begun).toBeLessThanOrEqual(LIMIT);
        return died;
      });
      expect(moments).toBeGreaterThan(15);
    });

    it.each([
      { attaches: false, engines: 1 },
      { attaches: true, engines: 1 },
      { attaches: false, engines: 2 },
      { attaches: true, engines: 3 },
    ])("while it resumes, $engines times, has no body run twice and no use given away twice: $attaches", (kind) => {
      const moments = atEachMoment((dies) => {
        const host = new Host();
        host.engine(Number.POSITIVE_INFINITY, true, () => work(host));
        const { begun } = world;
        let died = false;
        for (let engines = 0; engines < kind.engines; engines += 1) died = host.engine(dies, kind.attaches) || died;
        const { uses, keyed } = host.left();
        expect([dies, uses + begun <= LIMIT, keyed]).toEqual([dies, true, "effect-unknown"]);
        if (!died) expect([dies, uses + begun]).toEqual([dies, LIMIT]);
        return died;
      });
      expect(moments).toBeGreaterThan(5);
    });

    it("while it resumes and is not the last, whichever two moments it are", () => {
      let random = 7;
      for (let history = 0; history < 20; history += 1) {
        random = (random * 48_271) % 2_147_483_647;
        const host = new Host();
        host.engine(Number.POSITIVE_INFINITY, true, () => work(host));
        const { begun } = world;
        host.engine(1 + (random % 60), (random & 64) > 0);
        host.engine(1 + ((random >> 8) % 60), (random & 128) > 0);
        const { uses, keyed } = host.left();
        expect([random, uses + begun <= LIMIT, keyed]).toEqual([random, true, "effect-unknown"]);
      }
    });
  },
);
