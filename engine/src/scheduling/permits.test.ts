import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRunning, NO_CAP, permitsOf, statesOf } from "../../test/support/permits.ts";
import type { Ticket } from "./lane.ts";
import { Permits } from "./permits.ts";

describe("caps", () => {
  it("run as many calls as the engine, the tool and each resource allow, and start the next as one ends", () => {
    const { permits, need, call } = permitsOf(3, { pool: 2 });
    const tool = need("t", { maxConcurrent: 1 });
    const pooled = need("p", { resources: ["pool"] });
    const first = call("t1", tool);
    const second = call("t2", tool);
    const pool = [call("p1", pooled), call("p2", pooled), call("p3", pooled)];
    expect(statesOf([first, second, ...pool])).toEqual(["granted", "waiting", "granted", "granted", "waiting"]);
    expect(permits.waiting).toBe(2);
    expect(permits.counts).toMatchObject({
      engine: { inUse: 3 },
      "tool t": { limit: 1, inUse: 1 },
      "resource pool": { limit: 2, inUse: 2 },
    });
    permits.end(pool[0] as Ticket);
    expect(statesOf([second, ...pool])).toEqual(["waiting", "ended", "granted", "granted"]);
    permits.end(first);
    expect(statesOf([second])).toEqual(["granted"]);
  });

  it("give a resource that is not listed to one call at a time", () => {
    const { need, call } = permitsOf(null);
    const db = need("a", { resources: ["db"] });
    expect(statesOf([call("a", db), call("b", db)])).toEqual(["granted", "waiting"]);
  });

  it("let a call that waits hold nothing", () => {
    const { call, need } = permitsOf(null);
    const both = need("both", { resources: ["a", "b"] });
    call("holds a", need("x", { resources: ["a"] }));
    expect(isRunning(call("waits for a and b", both))).toBe(false);
    expect(isRunning(call("takes b", need("y", { resources: ["b"] })))).toBe(true);
  });

  it("may be lowered and raised while calls run", () => {
    const { permits, call } = permitsOf(3);
    const calls = Array.from({ length: 6 }, (_, index) => call(`${index}`));
    permits.setMaxConcurrent(1);
    permits.end(calls[0] as Ticket);
    permits.end(calls[1] as Ticket);
    expect(calls.filter(isRunning)).toHaveLength(1);
    permits.setMaxConcurrent(3);
    expect(calls.filter(isRunning)).toHaveLength(3);
  });

  it("refuse a limit that is no whole number of at least 1", () => {
    expect(() => permitsOf(0)).toThrow(new RangeError("engine maxConcurrent must be a finite number above 0, got 0"));
    expect(() => permitsOf(1, { db: 1.5 })).toThrow("engine resources db must be a whole number, got 1.5");
    expect(() => permitsOf(1).need("t", { maxConcurrent: -1 })).toThrow("tool t maxConcurrent");
  });
});

describe("ending a claim", () => {
  it("takes a waiting call out of the queue, and does nothing the second time", () => {
    const { permits, call, started } = permitsOf(1);
    const [first, second, third] = [call("1"), call("2"), call("3")] as const;
    permits.end(second);
    permits.end(second);
    permits.end(first);
    permits.end(first);
    expect(started).toEqual(["1", "3"]);
    permits.end(third);
    expect([permits.waiting, Object.keys(permits.counts), permits.inUse]).toEqual([0, ["engine"], 0]);
  });

  it("ends ten thousand calls that each end as they start, without recursion", () => {
    const permits = new Permits({ maxConcurrent: 1 });
    const need = permits.need({ tool: "t", ...NO_CAP });
    const first = permits.request({ need, granted: () => undefined });
    let ended = 0;
    for (let index = 0; index < 10_000; index++) {
      const ticket: Ticket = permits.request({
        need,
        granted: () => {
          ended++;
          permits.end(ticket);
        },
      });
    }
    permits.end(first);
    expect(ended).toBe(10_000);
  });
});

describe("runs", () => {
  it("are served in turn: the one call of a second run is not behind the 800 of the first", () => {
    const { permits, call, need, started } = permitsOf(1);
    const tool = need("t");
    const tickets = [call("first", tool, "A")];
    for (let index = 0; index < 800; index++) tickets.push(call("A", tool, "A"));
    tickets.push(call("B", tool, "B"));
    permits.end(tickets[0] as Ticket);
    for (const ticket of tickets) if (isRunning(ticket)) permits.end(ticket);
    expect(started.indexOf("B")).toBeLessThanOrEqual(3);
  });

  it("are served in turn, too, where each run has a tool with a limit of its own", () => {
    const { permits, call, need, started } = permitsOf(1);
    const slow = need("slow", { maxConcurrent: 4 });
    const tickets = [call("first", slow, "A")];
    for (let index = 0; index < 800; index++) tickets.push(call("A", slow, "A"));
    tickets.push(call("B", need("other", { maxConcurrent: 4 }), "B"));
    permits.end(tickets[0] as Ticket);
    for (const ticket of tickets) if (isRunning(ticket)) permits.end(ticket);
    expect(started.indexOf("B")).toBeLessThanOrEqual(3);
  });

  it("have exactly the turns of an obvious round robin", () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ type: fc.constant("call" as const), run: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant("end" as const), which: fc.nat(20) }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant("cancel" as const), which: fc.nat(20) }) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 80 }), (limit, steps) => {
        const { permits, call, need, started } = permitsOf(limit);
        const tool = need("t");
        const tickets = new Map<string, Ticket>();
        let ring: { run: number; names: string[] }[] = [];
        const active: string[] = [];
        const expected: string[] = [];
        const fill = () => {
          while (active.length < limit && ring.length > 0) {
            const [turn, ...others] = ring as [(typeof ring)[0], ...typeof ring];
            const name = turn.names.shift() as string;
            active.push(name);
            expected.push(name);
            ring = turn.names.length > 0 ? [...others, turn] : others;
          }
        };
        let name = 0;
        for (const next of steps) {
          if (next.type === "call") {
            const called = `${++name}`;
            tickets.set(called, call(called, tool, next.run));
            const turn = ring.find(({ run }) => run === next.run);
            if (turn) turn.names.push(called);
            else ring.push({ run: next.run, names: [called] });
          } else if (next.type === "end" && active.length > 0) {
            const [ended] = active.splice(next.which % active.length, 1);
            permits.end(tickets.get(ended as string) as Ticket);
          } else if (next.type === "cancel") {
            const waiting = ring.flatMap(({ names }) => names);
            if (waiting.length === 0) continue;
            const gone = waiting[next.which % waiting.length] as string;
            permits.end(tickets.get(gone) as Ticket);
            for (const turn of ring) turn.names = turn.names.filter((other) => other !== gone);
            ring = ring.filter(({ names }) => names.length > 0);
          }
          fill();
          expect(started).toEqual(expected);
        }
      }),
    );
  });
});

describe("many caps at once", () => {
  const CAPS = ["a", "b", "c"];

  it("are never exceeded, leave nothing idle that could run, and serve everybody", () => {
    const step = fc.oneof(
      fc.record({ type: fc.constant("call" as const), run: fc.nat(2), caps: fc.subarray(CAPS) }),
      fc.record({ type: fc.constant("end" as const), which: fc.nat(50) }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.nat(2),
        fc.array(step, { minLength: 40, maxLength: 80 }),
        (limit, more, steps) => {
          const patience = 1 + more;
          const { permits, call, need } = permitsOf(limit, { a: 1, b: 3 }, patience);
          const limits: Record<string, number> = { engine: limit, a: 1, b: 3, c: 1 };
          let live: { ticket: Ticket; caps: string[] }[] = [];
          const used = (cap: string) =>
            live.filter(({ ticket, caps }) => isRunning(ticket) && caps.includes(cap)).length;
          const check = () => {
            live = live.filter(({ ticket }) => ticket.state.type !== "ended");
            for (const [cap, most] of Object.entries(limits)) expect(used(cap)).toBeLessThanOrEqual(most);
            // One permit of each cap may be kept for a call that was passed over too often.
            const passedOver = live.filter(({ ticket }) => !isRunning(ticket) && ticket.misses >= patience);
            for (const { ticket, caps } of live) {
              if (isRunning(ticket)) continue;
              const kept = passedOver.some((other) => other.ticket !== ticket) ? 1 : 0;
              expect(caps.some((cap) => used(cap) >= (limits[cap] ?? 1) - kept)).toBe(true);
            }
          };
          for (const next of steps) {
            if (next.type === "call") {
              const ticket = call("x", need(`x${next.caps}`, { resources: next.caps }), next.run);
              live.push({ ticket, caps: ["engine", ...next.caps] });
            } else if (live.length > 0) permits.end((live[next.which % live.length] as (typeof live)[0]).ticket);
            check();
          }
          for (let rounds = 0; live.length > 0; rounds++) {
            expect(rounds).toBeLessThan(1_000);
            const first = live.find(({ ticket }) => isRunning(ticket));
            expect(first).toBeDefined();
            if (first) permits.end(first.ticket);
            check();
          }
          expect(permits.waiting).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("do not starve a call that needs two resources which others take in turn", () => {
    const { permits, call, need } = permitsOf(null);
    const [a, b] = [need("a", { resources: ["a"] }), need("b", { resources: ["b"] })];
    const busy = [call("a", a, "A"), call("b", b, "B"), call("a", a, "A"), call("b", b, "B")];
    const both = call("both", need("ab", { resources: ["a", "b"] }), "C");
    let ends = 0;
    for (; !isRunning(both) && ends < 200; ends++) {
      // a and b are never free at the same time: whoever ends is followed at once.
      const next = busy.splice(busy.findIndex(isRunning), 1)[0] as Ticket;
      const isA = next.lane.need === a;
      busy.push(isA ? call("a", a, "A") : call("b", b, "B"));
      permits.end(next);
    }
    expect(ends).toBeLessThan(60);
  });
});

it("decides as quickly with 10,000 calls waiting as with 10", () => {
  const costs = [10, 10_000].map((waiting) => {
    const permits = new Permits({ maxConcurrent: 1 });
    const need = permits.need({ tool: "t", ...NO_CAP });
    let current: Ticket | undefined;
    const submit = (run: number): void => {
      const granted = (): void => {
        current = ticket;
      };
      const ticket: Ticket = permits.request({ need, run, granted });
      if (isRunning(ticket)) granted();
    };
    for (let index = 0; index <= waiting; index++) submit(index % 100);
    const samples = Array.from({ length: 20 }, () => {
      const beganAtMs = performance.now();
      for (let index = 0; index < 2_000; index++) {
        submit(index % 100);
        permits.end(current as Ticket);
      }
      return performance.now() - beganAtMs;
    });
    return Math.min(...samples);
  });
  // A scan of those that wait would cost some hundred times as much. Memory and a shared machine allow for a few times.
  expect((costs[1] as number) / (costs[0] as number)).toBeLessThan(10);
});
