import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Calls, codeOf, raised, returned } from "../../test/support/calls.ts";
import type { Entry } from "../state/entry.ts";
import { replay } from "../state/replay.ts";

/** A history of calls as `fingerprint=result`, made one after the other: what came of each. */
function play(calls: Calls, history: string): string[] {
  return history.split(" ").map((step) => {
    const [fingerprint = "", result = ""] = step.split("=");
    const { code, notice } = calls.make({ fingerprint, input: { q: fingerprint } }, returned(result));
    return code === "admitted" ? (notice === null ? "ok" : "notice") : code;
  });
}

const lone = { rejectionsToEndAgent: null };

describe("the same call", () => {
  it("is told at the third same result and rejected at the fourth call, with the last result", () => {
    const calls = new Calls(lone);
    expect(play(calls, "f=42 f=42 f=42")).toEqual(["ok", "ok", "notice"]);
    expect(calls.submit().outcome).toMatchObject({
      failure: {
        code: "repeated-call",
        message: "t was not run: the same input gave the same result 3 times in a row, the limit is 3.",
        forModel: expect.stringContaining("The last result was: 42. Change the input"),
      },
    });
  });

  it("goes on while its result changes, and starts anew when it changed once", () => {
    const calls = new Calls(lone);
    for (let poll = 0; poll < 50; poll += 1) expect(play(calls, `f=${poll}`)).toEqual(["ok"]);
    expect(play(calls, "g=a g=a g=b g=b g=b")).toEqual(["ok", "ok", "ok", "ok", "notice"]);
  });

  it("counts answers from a framework's cache, and failures that repeat whatever numbers they name", () => {
    const calls = new Calls(lone);
    calls.make({}, returned("x"));
    for (let i = 0; i < 2; i += 1) calls.make({}, { type: "answered", digest: "x", preview: null });
    expect(calls.decide()).toBe("repeated-call");
    for (let i = 0; i < 3; i += 1)
      calls.make({ fingerprint: "g" }, raised(`no route, try ${i}, id '${"x".repeat(i)}'`));
    expect(calls.decide({ fingerprint: "g" })).toBe("repeated-call");
  });

  it("is no loop in one batch: a result counts as a repetition only of what its caller could have seen", () => {
    const calls = new Calls(lone);
    const batch = Array.from({ length: 20 }, () => calls.submit());
    expect(batch.map(codeOf)).toEqual(Array(20).fill("admitted"));
    for (const submitted of batch) calls.end(submitted, returned("d"));
    expect(batch.map(({ outcome }) => outcome?.notice)).toEqual(Array(20).fill(null));
    expect(play(calls, "f=d f=d f=d")).toEqual(["ok", "notice", "repeated-call"]);
  });

  it("is not compared without a fingerprint, without a digest, outside a run, or when code asks by itself", () => {
    for (const [request, digest] of [
      [{ fingerprint: null }, "d"],
      [{}, null],
      [{ run: undefined }, "d"],
      [{ byCode: true }, "d"],
    ] as const) {
      const calls = new Calls();
      for (let i = 0; i < 10; i += 1) expect(calls.make(request, returned(digest)).code).toBe("admitted");
    }
  });

  it("of two agents, or of two tasks, are two histories", () => {
    const calls = new Calls();
    for (let i = 0; i < 3; i += 1) calls.make({ agent: "Ann", task: "1" }, returned("d"));
    expect(calls.decide({ agent: "Ann", task: "2" })).toBe("admitted");
    expect(calls.decide({ agent: "Bob", task: "1" })).toBe("admitted");
    expect(calls.decide({ agent: "Ann", task: "1" })).toBe("repeated-call");
  });

  it("of a body is its own business, of an agent that a body started it is not", () => {
    const calls = new Calls();
    const outer = calls.submit({ fingerprint: "outer" });
    for (let i = 0; i < 9; i += 1) expect(calls.make({ parent: outer.call }, returned("d")).code).toBe("admitted");
    for (let i = 0; i < 3; i += 1) calls.make({ parent: outer.call, agent: "Ann" }, returned("d"));
    expect(calls.decide({ parent: outer.call, agent: "Ann" })).toBe("repeated-call");
  });

  it("of a poller has thirty unchanged results and no notice", () => {
    const calls = new Calls(lone, { t: { poller: true } });
    expect(play(calls, Array(29).fill("f=pending").join(" "))).toEqual(Array(29).fill("ok"));
    expect(calls.decide()).toBe("repeated-call");
  });

  it("is rejected exactly when its last three results were one and the same, and nothing else was new since", () => {
    const call = fc.record({ fingerprint: fc.constantFrom("f", "g"), digest: fc.constantFrom("x", "y") });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), (history) => {
        const calls = new Calls({ ...lone, cycleReject: null });
        const latest = new Map<string, { digest: string; times: number }>();
        for (const { fingerprint, digest } of history) {
          const before = latest.get(fingerprint);
          const stuck = before !== undefined && before.times >= 3;
          expect(calls.make({ fingerprint }, returned(digest)).code).toBe(stuck ? "repeated-call" : "admitted");
          if (stuck) continue;
          const isNew = before?.digest !== digest;
          if (isNew) for (const other of latest.values()) other.times = 0;
          latest.set(fingerprint, { digest, times: isNew ? 1 : before.times + 1 });
        }
      }),
    );
  });
});

describe("a cycle", () => {
  it("of two calls is told after the second round, and the whole third round is rejected, with the pattern", () => {
    const calls = new Calls(lone, { t: {} });
    expect(play(calls, "a=1 b=2 a=1 b=2")).toEqual(["ok", "ok", "ok", "notice"]);
    const again = calls.submit({ fingerprint: "a" });
    expect(again.outcome).toMatchObject({
      failure: {
        code: "call-cycle",
        message: "t was not run: t(q=a) → t(q=b), 2 rounds, same results; round 3 is rejected.",
      },
    });
    expect(play(calls, "b=2 a=1 b=2")).toEqual(["call-cycle", "call-cycle", "call-cycle"]);
  });

  it("is left by any other call", () => {
    const calls = new Calls(lone);
    expect(play(calls, "a=1 b=2 a=1 b=2 a=1 c=3 a=1 b=2")).toEqual([
      ...["ok", "ok", "ok", "notice"],
      ...["call-cycle", "ok", "ok", "ok"],
    ]);
  });

  it("is none while one result changes, with a poller in it, or before the results of its last round are there", () => {
    expect(play(new Calls(), "a=1 b=1 a=1 b=2 a=1 b=3 c=1")).toEqual(Array(7).fill("ok"));
    const polling = new Calls({}, { t: {}, poll: { poller: true } });
    for (let round = 0; round < 3; round += 1) {
      expect(polling.make({ fingerprint: "sleep" }, returned("ok")).code).toBe("admitted");
      expect(polling.make({ tool: "poll", fingerprint: "state" }, returned("pending")).code).toBe("admitted");
    }
    const uncompared = new Calls();
    for (const fingerprint of ["a", "b", "a", "b", "a", "b"]) {
      expect(uncompared.make({ fingerprint }, returned(null))).toEqual({ code: "admitted", notice: null });
    }
    const open = new Calls();
    play(open, "a=1 b=2 a=1");
    const pending = open.submit({ fingerprint: "b" });
    expect(open.decide({ fingerprint: "a" })).toBe("admitted");
    open.end(pending, returned("2"));
  });

  it("of any period up to eight is found by its third round, and no alarm is raised where the results change", () => {
    const period = fc.integer({ min: 2, max: 8 });
    const prefix = fc.array(fc.constantFrom("p", "q", "r"), { maxLength: 12 });
    fc.assert(
      fc.property(period, prefix, fc.boolean(), (length, before, changes) => {
        const calls = new Calls(lone);
        let result = 0;
        for (const fingerprint of before) calls.make({ fingerprint: `before ${fingerprint}` }, returned(`${result++}`));
        const codes: string[] = [];
        for (let step = 0; step < length * 3; step += 1) {
          const at = step % length;
          const digest = changes && at === 0 ? `new ${step}` : `same ${at}`;
          codes.push(calls.make({ fingerprint: `cycle ${at}` }, returned(digest)).code);
        }
        expect(codes.slice(0, length * 2)).toEqual(Array(length * 2).fill("admitted"));
        expect(codes.slice(length * 2)).toEqual(Array(length).fill(changes ? "admitted" : "call-cycle"));
      }),
    );
  });

  it("is what a slow look through the whole history finds", () => {
    const step = fc.record({ f: fc.constantFrom("a", "b", "c"), digest: fc.constantFrom("1", "1", "1", "2") });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const calls = new Calls({ ...lone, sameCallReject: null, sameCallNotice: null });
        const seen: { f: string; digest: string }[] = [];
        const last = new Map<string, string>();
        for (const { f, digest } of steps) {
          const found = goesOnWithCycle(seen, f);
          expect(calls.make({ fingerprint: f }, returned(digest)).code).toBe(found ? "call-cycle" : "admitted");
          // What goes on with a cycle counts as gone on with.
          seen.push({ f, digest: found ? (last.get(f) ?? "") : digest });
          if (!found) last.set(f, digest);
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** The obvious way: cut the end of the history into rounds and compare their texts. */
function goesOnWithCycle(seen: readonly { f: string; digest: string }[], next: string): boolean {
  for (let period = 2; period <= 8; period += 1) {
    const tail = seen.slice(-period * 2);
    if (tail.length < period * 2 || tail[0]?.f !== next) continue;
    const [first, second] = [tail.slice(0, period), tail.slice(period)].map((round) => JSON.stringify(round));
    const distinct = new Set(tail.map((entry) => JSON.stringify(entry)));
    if (first === second && distinct.size > 1) return true;
  }
  return false;
}

describe("different inputs", () => {
  const search = (calls: Calls, from: number, to: number, ending = returned("nothing found")) =>
    Array.from({ length: to - from + 1 }, (_, at) => calls.make({ fingerprint: `${from + at}` }, ending));

  it("with the same result are told at the eighth and sixteenth of a read-only tool, and not rejected by the standard preset", () => {
    const told = search(new Calls(lone, { t: { readOnly: true } }), 1, 20).map(({ notice }, at) =>
      notice ? at + 1 : 0,
    );
    expect(told.filter(Boolean)).toEqual([8, 16]);
  });

  it("of a tool that may have effects are told only where the user says so: 'ok' after each of many is how work looks", () => {
    for (const preset of ["lenient", "standard", "strict"] as const) {
      const made = search(new Calls({ preset, ...lone }), 1, 60, returned("ok"));
      expect(made).toEqual(Array(60).fill({ code: "admitted", notice: null }));
    }
    const limited = search(new Calls(lone, { t: { sameResultReject: 5 } }), 1, 6);
    expect(limited.map(({ code }) => code)).toEqual([...Array(4).fill("admitted"), "same-result", "same-result"]);
  });

  it("with the same result are not told of while another tool is used in between", () => {
    const calls = new Calls(lone, { t: {}, u: {} });
    for (let at = 0; at < 20; at += 1) {
      const made = [calls.make({ fingerprint: `${at}` }, returned("written"))];
      made.push(calls.make({ tool: "u", fingerprint: `${at}` }, returned(`failed in line ${at}`)));
      expect(made.map(({ notice }) => notice)).toEqual([null, null]);
    }
  });

  it("that fail in the same way are told at the fifth and rejected at the eighth", () => {
    const calls = new Calls(lone);
    const made = search(calls, 1, 8, raised("connection refused"));
    expect(made.map(({ notice }) => notice !== null).indexOf(true)).toBe(4);
    expect(made.map(({ code }) => code)).toEqual([...Array(7).fill("admitted"), "same-failure"]);
  });

  it("are possible again once another tool was used, and start anew with another result", () => {
    const calls = new Calls(lone, { t: {}, u: {} });
    search(calls, 1, 7, raised("no"));
    expect(calls.decide({ fingerprint: "8" })).toBe("same-failure");
    calls.make({ tool: "u", fingerprint: "x" }, returned("d"));
    expect(calls.make({ fingerprint: "8" }, returned("at last")).code).toBe("admitted");
    expect(search(calls, 9, 15, raised("no")).map(({ code }) => code)).toEqual(Array(7).fill("admitted"));
  });

  it("are counted, not calls: two inputs that fail again and again are two", () => {
    const calls = new Calls({ ...lone, sameCallReject: null, cycleReject: null });
    for (let at = 0; at < 20; at += 1) calls.make({ fingerprint: `${at % 2}` }, raised("no"));
    expect(calls.decide({ fingerprint: "3" })).toBe("admitted");
  });

  it("of one batch count once", () => {
    const calls = new Calls({ ...lone, preset: "strict" });
    const batch = Array.from({ length: 12 }, (_, at) => calls.submit({ fingerprint: `${at}` }));
    for (const submitted of batch) calls.end(submitted, returned("sent"));
    expect(calls.decide({ fingerprint: "next" })).toBe("admitted");
  });
});

describe("the same call, asked for again", () => {
  const press = (calls: Calls, result = "ok") => calls.make({ fingerprint: "press" }, returned(result)).code;

  it("starts anew whenever another call brought something new", () => {
    const calls = new Calls();
    for (let at = 0; at < 50; at += 1) {
      expect(press(calls)).toBe("admitted");
      expect(press(calls)).toBe("admitted");
      expect(calls.make({ fingerprint: "look" }, returned(`screen ${at}`))).toEqual({ code: "admitted", notice: null });
    }
  });

  it("starts anew after a result that cannot be compared, not after a failure or a result that is known", () => {
    const calls = new Calls(lone);
    for (let at = 0; at < 9; at += 1) {
      press(calls);
      expect(calls.make({ fingerprint: "look" }, returned(null)).code).toBe("admitted");
    }
    const known = new Calls(lone, { t: {}, u: {} });
    known.make({ tool: "u", fingerprint: "old" }, returned("old"));
    for (let at = 0; at < 3; at += 1) {
      press(known);
      known.make({ tool: "u", fingerprint: `${at}` }, raised(`no ${at}`));
      known.make({ tool: "u", fingerprint: "old" }, returned("old"));
    }
    expect(press(known)).not.toBe("admitted");
  });

  it("is let through once after the pause since it was refused, and works on if its result has changed", () => {
    const calls = new Calls(lone);
    for (let at = 0; at < 3; at += 1) press(calls);
    expect(press(calls)).toBe("repeated-call");
    calls.clock.skip(4_999);
    expect(press(calls)).toBe("repeated-call");
    calls.clock.skip(1);
    expect([press(calls), press(calls)]).toEqual(["admitted", "repeated-call"]);
    calls.clock.skip(10_000);
    expect([press(calls, "new"), press(calls, "new"), press(calls, "new"), press(calls)]).toEqual([
      ...Array(3).fill("admitted"),
      "repeated-call",
    ]);
  });

  it("after a call that took as long as the pause is a poll: thirty unchanged results, in a cycle too", () => {
    const calls = new Calls(lone);
    const codes: string[] = [];
    for (let at = 0; at < 31; at += 1) {
      const wait = calls.submit({ fingerprint: "wait" });
      calls.clock.skip(5_000);
      if (!wait.outcome) calls.end(wait, returned("ok"));
      codes.push(calls.make({ fingerprint: "look" }, returned("pending")).code);
    }
    expect(codes).toEqual([...Array(29).fill("admitted"), "repeated-call", "repeated-call"]);
  });

  it("after a wait that says how long it is is a poll too, however short", () => {
    for (const [input, takesMs, isWait] of [
      [{ seconds: 2 }, 2_010, true],
      [{ ms: 1_500, why: "to load" }, 1_600, true],
      [{ duration: "3s" }, 3_001, true],
      [{ seconds: 2 }, 3_000, false],
      [{ page: 2 }, 400, false],
      [{ pin: 2 }, 2_010, false],
      [{}, 2_000, false],
    ] as const) {
      const calls = new Calls({ ...lone, redact: ["pin"] } as never, { t: {} });
      const codes: string[] = [];
      for (let at = 0; at < 5; at += 1) {
        const wait = calls.submit({ fingerprint: "wait", input });
        if (!wait.outcome) calls.clock.skip(takesMs);
        if (!wait.outcome) calls.end(wait, returned("ok"));
        codes.push(calls.make({ fingerprint: "look" }, returned("pending")).code);
      }
      expect([input, codes.every((code) => code === "admitted")]).toEqual([input, isWait]);
    }
  });

  it("is stopped at its fourth however long the model thinks; each pause in vain is twice as long, so its agent ends", () => {
    const calls = new Calls();
    const codes: string[] = [];
    for (let at = 0; at < 21; at += 1) {
      calls.clock.skip(20_000);
      codes.push(press(calls));
    }
    // Of pauses of 5, 10, 20, 40 and 80 s; in the next one of 160 s it is refused five times.
    expect(codes.map((code) => ({ admitted: "+", "repeated-call": "-" })[code] ?? "x").join("")).toBe(
      "+++-+-+-+--+----+----x".slice(0, 21),
    );
  });

  it("that honest work repeats does not end its agent: what was let through starts the count anew", () => {
    const calls = new Calls();
    const codes: string[] = [];
    for (let at = 0; at < 14; at += 1) {
      calls.clock.skip(3_000);
      codes.push(press(calls));
    }
    expect(new Set(codes)).toEqual(new Set(["admitted", "repeated-call"]));
    expect(press(calls, "new")).toBe("repeated-call");
    calls.clock.skip(20_000);
    expect([press(calls, "new"), press(calls, "newer")]).toEqual(["admitted", "admitted"]);
  });

  it("tells the model from when on it may be asked again, in a cycle too, and a poller that has looked in vain nothing of it", () => {
    const calls = new Calls(lone, { t: {}, poll: { poller: true } });
    for (let at = 0; at < 4; at += 1) press(calls);
    calls.clock.skip(2_000);
    const failure = { retryAfterMs: 3_000, forModel: expect.stringMatching(/ If you wait for a change, .*in 3 s\.$/) };
    expect(calls.submit({ fingerprint: "press" }).outcome).toMatchObject({ failure });
    play(calls, "a=1 b=2 a=1 b=2 a=1 b=2");
    calls.clock.skip(2_000);
    expect(calls.submit({ fingerprint: "a" }).outcome).toMatchObject({ failure: { code: "call-cycle", ...failure } });
    for (let at = 0; at < 29; at += 1) calls.make({ tool: "poll", fingerprint: "p" }, returned("pending"));
    expect(calls.submit({ tool: "poll", fingerprint: "p" }).outcome).toMatchObject({
      failure: { code: "repeated-call", forModel: expect.stringMatching(/answer with what you have\.$/) },
    });
  });
});

describe("an outage", () => {
  it("does not end its agent: one call tries after each pause, and with the first that works all do", () => {
    const calls = new Calls();
    const ask = (at: number, ending = raised("503")) => calls.make({ fingerprint: `${at}` }, ending).code;
    for (let at = 0; at < 7; at += 1) expect(ask(at)).toBe("admitted");
    for (let at = 7; at < 40; at += 1) expect(ask(at)).toBe("same-failure");
    calls.clock.skip(5_000);
    expect([ask(40), ask(41)]).toEqual(["admitted", "same-failure"]);
    calls.clock.skip(5_000);
    const codes = Array.from({ length: 20 }, (_, at) => ask(50 + at, returned(`${at}`)));
    expect(codes).toEqual(Array(20).fill("admitted"));
  });

  it("tells the model when the tool may be tried again", () => {
    const calls = new Calls();
    for (let at = 0; at < 7; at += 1) calls.make({ fingerprint: `${at}` }, raised("503"));
    calls.submit({ fingerprint: "8" });
    calls.clock.skip(2_000);
    expect(calls.submit({ fingerprint: "9" }).outcome).toMatchObject({
      failure: { retryable: true, retryAfterMs: 3_000, forModel: expect.stringContaining("may be tried again in 3 s") },
    });
  });
});

describe("rejections in a row", () => {
  it("end the agent at its task at the fifth: others, and it at other tasks, go on", () => {
    const calls = new Calls();
    const looping = { agent: "Ann", task: "1" };
    for (let at = 0; at < 7; at += 1) calls.make(looping, returned("1"));
    const fifth = calls.submit(looping);
    expect(fifth.outcome).toMatchObject({
      failure: {
        code: "agent-ended",
        option: "rejectionsToEndAgent",
        forModel: expect.stringMatching(
          /^No more tools will run for this task: 5 calls in a row were rejected, .*Write your final answer/,
        ),
      },
    });
    expect(calls.decide({ ...looping, fingerprint: "other" })).toBe("agent-ended");
    expect(calls.decide({ agent: "Ann", task: "2" })).toBe("admitted");
    expect(calls.decide({ agent: "Bob", task: "1" })).toBe("admitted");
    expect(calls.run.endedBecause).toBeNull();
  });

  it("end the run only after as many ended agents as the user says", () => {
    const calls = new Calls({ endedAgentsToEndRun: 2 });
    const loop = (agent: string) => Array.from({ length: 8 }, () => calls.make({ agent }, returned("1")).code).at(-1);
    expect(loop("Ann")).toBe("agent-ended");
    expect(calls.decide({ agent: "Cid" })).toBe("admitted");
    expect(loop("Bob")).toBe("agent-ended");
    expect(calls.decide({ agent: "Cid", fingerprint: "other" })).toBe("run-ended");
  });

  it("end the agent of a run without named agents; the model is asked for its final answer", () => {
    const calls = new Calls();
    play(calls, "f=1 f=1 f=1");
    for (let at = 0; at < 4; at += 1) expect(calls.decide()).toBe("repeated-call");
    const fifth = calls.submit();
    expect(fifth.outcome).toMatchObject({
      failure: {
        code: "agent-ended",
        forModel: expect.stringMatching(
          /^No more tools will run for this task: 5 calls in a row were rejected, .*Write your final answer/,
        ),
      },
    });
    expect(calls.decide({ fingerprint: "other" })).toBe("agent-ended");
    expect(calls.decide({ fingerprint: "other", run: undefined })).toBe("admitted");
  });

  it("start anew with every call that is let through, and those of one turn count once", () => {
    const calls = new Calls();
    play(calls, "f=1 f=1 f=1");
    for (let round = 0; round < 5; round += 1) {
      expect([calls.decide(), calls.decide()]).toEqual(["repeated-call", "repeated-call"]);
      calls.make({ fingerprint: `other ${round}` }, raised("no"));
    }
    const batch = Array.from({ length: 9 }, () => calls.decide({ turn: "one" }));
    expect(batch).toEqual(Array(9).fill("repeated-call"));
  });

  it("that pass by themselves do not count", () => {
    const calls = new Calls({}, { t: { maxInFlight: 1 } });
    calls.submit();
    for (let i = 0; i < 10; i += 1) expect(calls.decide({ fingerprint: `${i}` })).toBe("in-flight-limit");
  });
});

describe("what a run remembers", () => {
  it("is known to the next engine: who was ended, what was refused when, and what was new since", () => {
    const entries: Entry[] = [{ type: "run-opened", atMs: 0, run: "r" }];
    const calls = new Calls({}, { t: {} }, { append: (entry) => void entries.push(entry) });
    for (let at = 0; at < 8; at += 1) calls.make({ agent: "Ann" }, returned("1"));
    for (let at = 0; at < 4; at += 1) calls.make({ agent: "Bob" }, returned("1"));
    for (let at = 0; at < 3; at += 1) calls.make({ agent: "Cid" }, returned("1"));
    calls.make({ agent: "Cid", fingerprint: "new" }, returned("2"));
    const again = new Calls({}, { t: {} });
    again.run = replay(entries).runs.get("r") ?? again.run;
    const asked = (agent: string) => again.decide({ agent });
    expect(["Ann", "Bob", "Cid"].map(asked)).toEqual(["agent-ended", "repeated-call", "admitted"]);
    again.clock.skip(5_000);
    expect([asked("Ann"), asked("Bob")]).toEqual(["agent-ended", "admitted"]);
    expect(again.run.endedAgents).toBe(1);
  });

  it("forgets the call that was recorded longest ago past its bound", () => {
    const calls = new Calls({ budgetCalls: null, sameResultReject: null });
    for (let i = 0; i < 3; i += 1) calls.make({ fingerprint: "first" }, returned("d"));
    expect(calls.decide({ fingerprint: "first" })).toBe("repeated-call");
    for (let i = 0; i < 10_000; i += 1) calls.make({ fingerprint: `${i}` }, raised(`${"x".repeat(i % 7)}`));
    expect(calls.decide({ fingerprint: "first" })).toBe("admitted");
  });
});

describe("what an admission says of the outcome", () => {
  // Few inputs, tools and results, calls that overlap: every kind of loop comes up.
  const step = fc.record({
    tool: fc.constantFrom("t", "u"),
    fingerprint: fc.constantFrom("f", "g", "h"),
    digest: fc.constantFrom("x", "y", null),
    ends: fc.nat(2),
  });

  const early = { ...lone, sameCallNotice: 2, sameResultNotice: 2, cycleNotice: 2 };

  it("holds: a result whose digest it does not name has no notice, however calls overlap", () => {
    let notices = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
        const calls = new Calls(early, { t: {}, u: {} });
        const open: { end(): void }[] = [];
        for (const { tool, fingerprint, digest, ends } of steps) {
          const submitted = calls.submit({ tool, fingerprint: tool + fingerprint });
          if (submitted.outcome) continue;
          calls.core.start(submitted.call);
          const known = calls.core.ifReturned(submitted.call);
          open.push({
            end: () => {
              calls.core.end(submitted.call, 1, returned(digest));
              if (submitted.outcome?.notice) notices += 1;
              if (!known || (digest !== null && known.unless.includes(digest))) return;
              const { attempts, observed } = known;
              expect(submitted.outcome).toMatchObject({ status: "succeeded", notice: null, attempts, observed });
            },
          });
          for (const { end } of open.splice(0, ends)) end();
        }
        for (const { end } of open) end();
      }),
      { numRuns: 300 },
    );
    expect(notices).toBeGreaterThan(100);
  });

  it("is nothing where a first result has a notice already", () => {
    const calls = new Calls({ sameCallNotice: 1 });
    const { call } = calls.submit();
    calls.core.start(call);
    expect(calls.core.ifReturned(call)).toBeUndefined();
  });
});
