import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BatchGraph, type BatchNode } from "./batch-graph.ts";

describe("a batch that makes no sense", () => {
  it("is refused with the names of a cycle, in the order in which they would run", () => {
    const nodes = [
      { name: "start" },
      { name: "a", after: ["start", "c"] },
      { name: "b", after: ["a"] },
      { name: "c", after: ["b"] },
      { name: "end", after: ["c"] },
    ];
    expect(() => new BatchGraph(nodes)).toThrow(new TypeError("the batch has a cycle: b → c → a → b"));
    expect(() => new BatchGraph([{ name: "a", after: ["a"] }])).toThrow("the batch has a cycle: a → a");
  });

  it("is refused with the nearest name where one is unknown, and with the name that is there twice", () => {
    const unknown = [{ name: "fetch" }, { name: "sum", after: ["fech"] }];
    expect(() => new BatchGraph(unknown)).toThrow(
      "sum comes after fech, and the batch has no call of that name. Did you mean fetch?",
    );
    expect(() => new BatchGraph([{ after: ["x"] }])).toThrow("call 0 comes after x");
    expect(() => new BatchGraph([{ name: "a" }, { name: "a" }])).toThrow("the batch has two calls named a");
  });

  it("is refused exactly if an obvious search finds a way from a call back to itself", () => {
    const names = ["0", "1", "2", "3", "4", "5"];
    fc.assert(
      fc.property(fc.array(fc.subarray(names), { minLength: 6, maxLength: 6 }), (afters) => {
        const nodes = afters.map((after, index) => ({ name: `${index}`, after }));
        const reaches = (from: string, to: string, seen: string[] = []): boolean =>
          (nodes[Number(from)]?.after ?? []).some(
            (next) => next === to || (!seen.includes(next) && reaches(next, to, [...seen, next])),
          );
        const build = () => new BatchGraph(nodes);
        if (!names.some((name) => reaches(name, name))) return void build();
        expect(build).toThrow("cycle");
        const message = (() => {
          try {
            build();
          } catch (error) {
            return String(error);
          }
          return "";
        })();
        const cycle = message.split("cycle: ")[1]?.split(" → ") ?? [];
        for (let at = 1; at < cycle.length; at++) {
          expect(nodes[Number(cycle[at])]?.after).toContain(cycle[at - 1]);
        }
        expect(cycle.at(-1)).toBe(cycle[0]);
      }),
    );
  });
});

describe("a batch", () => {
  it("rejects what comes after a failure, and their children, unless they are declared to run", () => {
    const graph = new BatchGraph([
      { name: "a" },
      { name: "b", after: ["a"] },
      { name: "c", after: ["b"] },
      { name: "tidy", after: ["a", "c"], afterFailure: "run" },
    ]);
    expect(graph.begin()).toEqual([0]);
    expect(graph.ended(0, false)).toEqual({
      ready: [3],
      rejected: [
        { index: 1, failed: 0 },
        { index: 2, failed: 1 },
      ],
    });
  });

  it("ignores a second ending, and the ending of a call that was not given out", () => {
    const graph = new BatchGraph([{ name: "a" }, { name: "b", after: ["a"] }]);
    graph.begin();
    expect(graph.ended(1, true).ready).toEqual([]);
    expect(graph.ended(0, true).ready).toEqual([1]);
    expect(graph.ended(0, true).ready).toEqual([]);
  });

  it("gives out each call once, when all before it have ended and never earlier, as an obvious model does", () => {
    const nodes = fc
      .array(fc.record({ after: fc.array(fc.nat(1_000), { maxLength: 3 }), run: fc.boolean() }), {
        minLength: 1,
        maxLength: 15,
      })
      .map((made): BatchNode[] =>
        made.map(({ after, run }, index) => ({
          name: `${index}`,
          after: index === 0 ? [] : after.map((parent) => `${parent % index}`),
          afterFailure: run ? "run" : "reject",
        })),
      );
    fc.assert(
      fc.property(
        nodes,
        fc.array(fc.nat(1_000), { minLength: 1 }),
        fc.array(fc.boolean(), { minLength: 1 }),
        (batch, picks, luck) => {
          const graph = new BatchGraph(batch);
          const ended = new Map<number, boolean>();
          const running = new Set(graph.begin());
          const given = new Set(running);
          for (let step = 0; running.size > 0; step++) {
            const ready = [...running];
            const index = ready[(picks[step % picks.length] as number) % ready.length] as number;
            const succeeded = luck[step % luck.length] as boolean;
            running.delete(index);
            ended.set(index, succeeded);
            const released = graph.ended(index, succeeded);
            for (const { index: child, failed } of released.rejected) {
              expect(ended.get(failed)).toBe(false);
              expect(batch[child]?.after).toContain(`${failed}`);
              ended.set(child, false);
            }
            for (const child of [...released.ready, ...released.rejected.map((its) => its.index)]) {
              expect(given.has(child)).toBe(false);
              given.add(child);
            }
            for (const child of released.ready) running.add(child);
            for (const [child, node] of batch.entries()) {
              const parents = (node.after ?? []).map((name) => ended.get(Number(name)));
              const rejects = node.afterFailure === "reject" && parents.includes(false);
              const isReady = !parents.includes(undefined) && !rejects;
              expect(running.has(child) || (ended.has(child) && !rejects)).toBe(isReady);
              if (rejects) expect(ended.get(child)).toBe(false);
            }
          }
          expect(given.size).toBe(batch.length);
        },
      ),
    );
  });

  it("of 10,000 calls in a chain is released without recursion", () => {
    const nodes = Array.from({ length: 10_000 }, (_, index) => ({
      name: `${index}`,
      after: index ? [`${index - 1}`] : [],
    }));
    const graph = new BatchGraph(nodes);
    graph.begin();
    expect(graph.ended(0, false).rejected).toHaveLength(9_999);
  });
});
