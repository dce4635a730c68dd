import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRunning, permitsOf, statesOf } from "../../test/support/permits.ts";
import type { Ticket } from "./lane.ts";

describe("nested calls", () => {
  it("run on the permit of the body that waits for them, one at a time", () => {
    const { permits, call } = permitsOf(1);
    const parent = call("parent");
    const [first, second] = [call("first", undefined, undefined, parent), call("second", undefined, undefined, parent)];
    const other = call("other");
    expect(statesOf([first, second, other])).toEqual(["granted", "waiting", "waiting"]);
    permits.end(first);
    expect(statesOf([second, other])).toEqual(["granted", "waiting"]);
    permits.end(second);
    permits.end(parent);
    expect(isRunning(other)).toBe(true);
  });

  it("keep the permit until they end if the body that lent it ends first", () => {
    const { permits, call } = permitsOf(1);
    const parent = call("parent");
    const child = call("child", undefined, undefined, parent);
    const other = call("other");
    permits.end(parent);
    expect(isRunning(other)).toBe(false);
    permits.end(child);
    expect(isRunning(other)).toBe(true);
  });

  it("may use the resource that an ancestor holds, at any depth", () => {
    const { call, need } = permitsOf(null);
    const db = need("uses db", { resources: ["db"] });
    const grandparent = call("1", db);
    const parent = call("2", undefined, undefined, grandparent);
    expect(isRunning(call("3", db, undefined, parent))).toBe(true);
  });

  it("may take the permit that is kept for a call which waits for their parent", () => {
    const { permits, call, need } = permitsOf(null, {}, 1);
    const [a, b] = [need("a", { resources: ["a"] }), need("b", { resources: ["b"] })];
    const holdsA = call("holds a", a);
    const holdsB = call("holds b", b);
    const elder = call("a and b", need("ab", { resources: ["a", "b"] }));
    permits.end(holdsA);
    expect(statesOf([elder, call("later a", a), call("nested a", a, undefined, holdsB)])).toEqual([
      "waiting",
      "waiting",
      "granted",
    ]);
  });

  it("are refused at once where they would wait for a call that waits for them, with the names", () => {
    const { permits, call, need } = permitsOf(null);
    const [a, b] = [need("a", { maxConcurrent: 1 }), need("b", { maxConcurrent: 1 })];
    const inA = call("a", a);
    const inB = call("b", b);
    const waits = call("b in a", b, undefined, inA);
    const refused = call("a in b", a, undefined, inB);
    expect(waits.state.type).toBe("waiting");
    expect(refused.state).toEqual({ type: "deadlocked", caps: expect.arrayContaining(["tool a", "tool b"]) });
    permits.end(inB);
    expect(isRunning(waits)).toBe(true);
    expect(permits.waiting).toBe(0);
  });

  it("wait by the thousand without a search through all that run", () => {
    const { permits, call } = permitsOf(2_000);
    const parents = Array.from({ length: 2_000 }, () => call("parent"));
    const beganAtMs = performance.now();
    const children = parents.flatMap((parent) => [1, 2].map(() => call("child", undefined, undefined, parent)));
    for (const child of children) if (isRunning(child)) permits.end(child);
    for (const child of children) permits.end(child);
    expect([permits.waiting, permits.counts.engine?.inUse]).toEqual([0, 2_000]);
    // A search for each would look at some millions of calls.
    expect(performance.now() - beganAtMs).toBeLessThan(1_000);
  });

  it("always all end: no order of starting, nesting and ending leaves a call waiting for ever", () => {
    type Plan = { tool: number; children: Plan[] };
    const plan = fc.letrec<{ plan: Plan }>((tie) => ({
      plan: fc.record({
        tool: fc.nat(4),
        children: fc.oneof(
          { maxDepth: 3, depthIdentifier: "plan" },
          fc.constant<Plan[]>([]),
          fc.array(tie("plan"), { maxLength: 3, depthIdentifier: "plan" }),
        ),
      }),
    })).plan;
    fc.assert(
      fc.property(
        fc.array(plan, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.nat(1_000), { minLength: 1 }),
        fc.integer({ min: 1, max: 2 }),
        (plans, limit, choices, patience) => {
          const { permits, need } = permitsOf(limit, { db: 2 }, patience);
          const needs = [
            need("free"),
            need("one", { maxConcurrent: 1 }),
            need("two", { maxConcurrent: 2 }),
            need("db", { resources: ["db"] }),
            need("both", { maxConcurrent: 1, resources: ["db", "lock"] }),
          ];
          interface Body {
            plan: Plan;
            ticket: Ticket;
            parent: Body | undefined;
            open: number;
            begun: boolean;
          }
          const bodies: Body[] = [];
          const submit = (its: Plan, parent: Body | undefined): void => {
            const its_need = needs[its.tool] as (typeof needs)[0];
            const ticket = permits.request({
              need: its_need,
              run: its.tool,
              parent: parent?.ticket,
              granted: () => undefined,
            });
            if (ticket.state.type === "deadlocked") expect(its.tool + (parent?.plan.tool ?? 0)).toBeGreaterThan(0);
            if (ticket.state.type === "deadlocked") return;
            if (parent) parent.open++;
            bodies.push({ plan: its, ticket, parent, open: 0, begun: false });
          };
          for (const root of plans) submit(root, undefined);
          let turn = 0;
          while (bodies.length > 0) {
            // Bodies that can do something: begin (make their nested calls), or end because those have ended.
            const able = bodies.filter(({ ticket, open }) => isRunning(ticket) && open === 0);
            expect(able.length).toBeGreaterThan(0);
            const leaves = (cap: string) =>
              bodies.filter(
                (body) =>
                  isRunning(body.ticket) &&
                  body.ticket.lane.need.caps.some(({ name }) => name === cap) &&
                  !bodies.some((other) => isRunning(other.ticket) && isBelow(other, body, cap)),
              ).length;
            expect(leaves("engine")).toBeLessThanOrEqual(limit);
            expect(leaves("tool one")).toBeLessThanOrEqual(1);
            expect(leaves("resource lock")).toBeLessThanOrEqual(1);
            const body = able[(choices[turn++ % choices.length] as number) % able.length] as Body;
            if (body.begun) {
              bodies.splice(bodies.indexOf(body), 1);
              if (body.parent) body.parent.open--;
              permits.end(body.ticket);
            } else {
              body.begun = true;
              for (const child of body.plan.children) submit(child, body);
            }
          }
          function isBelow(other: Body, body: Body, cap: string): boolean {
            if (!other.ticket.lane.need.caps.some(({ name }) => name === cap)) return false;
            for (let above = other.parent; above; above = above.parent) if (above === body) return true;
            return false;
          }
          expect(permits.waiting).toBe(0);
          expect(Object.values(permits.counts).every(({ inUse }) => inUse === 0)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});
