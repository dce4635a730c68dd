import type { Code } from "../../src/call/codes.generated.ts";
import type { Encoded } from "../../src/call/values.ts";
import type { Random } from "../simulation/random.ts";
import { fails, failsUntil, from, gives, oneByOne, type Trace, times } from "./trace.ts";

/** A kind of history in which every call has its reason. */
export interface HealthyKind {
  make(random: Random): Trace;
  /** What the standard preset rejects of some of them all the same. */
  readonly rejectedByStandard?: readonly Code[];
  /** The lenient preset rejects some of them too. */
  readonly isRejectedByLenient?: true;
  /** However much is rejected: the last of its calls run under each preset. */
  readonly recovers?: true;
}

/** What agents do that is not a loop, and much of which looks like one. */
export const healthy: Readonly<Record<string, HealthyKind>> = {
  pagination: {
    make: (random) => oneByOne(times(from(random, 2, 40), (page) => gives("search", { q: "x", page }, `page ${page}`))),
  },
  "polling, the answer changes": {
    make: (random) => oneByOne(times(from(random, 5, 50), (at) => gives("status", { job: 1 }, `${at} %`))),
  },
  "polling, the answer changes every second time": {
    make: (random) =>
      oneByOne(times(from(random, 6, 45), (at) => gives("status", { job: 1 }, `step ${Math.floor(at / 2)}`))),
  },
  "a declared poller, the answer does not change": {
    make: (random) => [
      ...oneByOne(times(from(random, 3, 28), () => gives("watch", { job: 1 }, "pending"))),
      [gives("watch", { job: 1 }, "done")],
    ],
  },
  "an undeclared poller, the answer does not change": {
    make: (random) => [
      ...oneByOne(times(from(random, 1, 6), () => gives("status", { job: 1 }, "pending"))),
      [gives("status", { job: 1 }, "done")],
    ],
    rejectedByStandard: ["repeated-call"],
  },
  "sleep and poll, both declared": {
    make: (random) =>
      times(from(random, 2, 25), () => [
        [gives("pause", { seconds: 5 }, "ok")],
        [gives("watch", { job: 1 }, "pending")],
      ]).flat(),
  },
  "sleep and poll, undeclared, the answer changes": {
    make: (random) =>
      times(from(random, 2, 7), (at) => [
        [gives("sleep", { seconds: 5 }, "ok")],
        [gives("status", { job: 1 }, `${at} %`)],
      ]).flat(),
  },
  "press a key a few times, look": {
    make: (random) =>
      oneByOne(
        times(from(random, 2, 20), (at) => [
          ...times(from(random, 1, 3), () => gives("press", { key: "Down" }, "ok")),
          gives("look", {}, `screen ${at}`),
        ]).flat(),
      ),
  },
  "press a key many times in a row": {
    make: (random) => oneByOne(times(from(random, 2, 10), () => gives("press", { key: "Down" }, "ok"))),
    rejectedByStandard: ["repeated-call"],
    isRejectedByLenient: true,
  },
  "page and click": {
    make: (random) =>
      oneByOne(
        times(from(random, 2, 30), (page) => [
          gives("press", { button: "next" }, "clicked"),
          gives("look", {}, `page ${page}`),
        ]).flat(),
      ),
  },
  "wait for 5 to 60 s and look, the answer does not change": {
    make: (random) => waitAndLook(random, from(random, 5, 60)),
  },
  "wait for 1 to 4 s and look, the answer does not change": {
    make: (random) => waitAndLook(random, from(random, 1, 4)),
  },
  "wait for 1 to 4 s without saying so and look, the answer does not change": {
    make: (random) => waitAndLook(random, from(random, 1, 4), {}),
    rejectedByStandard: ["call-cycle", "repeated-call", "agent-ended"],
    isRejectedByLenient: true,
  },
  "60 inserts that say ok": {
    make: () => oneByOne(times(60, (row) => gives("insert", { row }, "ok"))),
  },
  "28 tasks of 20 calls": {
    make: () =>
      times(28, (task) => times(20, (at) => ({ ...gives("insert", { task, at }, `${at}`), task: `${task}` }))),
  },
  "retry after an error": {
    make: (random) =>
      times(from(random, 1, 6), (at) =>
        oneByOne([
          ...times(from(random, 1, 2), () => fails("fetch", { url: at }, "503 Service Unavailable")),
          gives("fetch", { url: at }, `document ${at}`),
        ]),
      ).flat(),
  },
  "a short outage": {
    make: (random) => [
      ...oneByOne(times(from(random, 2, 7), (url) => fails("fetch", { url }, `connection ${url} refused`))),
      ...oneByOne(times(from(random, 1, 10), (url) => gives("fetch", { url }, `document ${url}`))),
    ],
  },
  "an outage of up to a minute, each time another input": {
    make: (random) => {
      const untilMs = from(random, 5, 60) * 1_000;
      return oneByOne(times(45, (url) => failsUntil(untilMs, "fetch", { url }, `document ${url}`)));
    },
    rejectedByStandard: ["same-failure"],
    isRejectedByLenient: true,
    recovers: true,
  },
  "an outage of up to 15 s, the same input": {
    make: (random) => {
      const untilMs = from(random, 5, 15) * 1_000;
      return oneByOne([...times(6, () => failsUntil(untilMs, "fetch", { url: 1 }, "document"))]);
    },
    rejectedByStandard: ["repeated-call"],
  },
  "refined search, often nothing found": {
    make: (random) =>
      oneByOne(
        times(from(random, 3, 15), (at) =>
          gives("search", { q: `try ${at}` }, random.chance(0.6) ? "[]" : `hit ${at}`),
        ),
      ),
  },
  "a list worked off one by one": {
    make: (random) => oneByOne(times(from(random, 5, 60), (to) => gives("send", { to }, "sent"))),
  },
  "a list worked off in a batch": {
    make: (random) => [times(from(random, 5, 60), (to) => gives("send", { to }, "sent"))],
  },
  "a list worked off with two tools": {
    make: (random) =>
      oneByOne(
        times(from(random, 3, 30), (file) => [
          gives("read", { file }, `text ${file}`),
          gives("write", { file, text: `better ${file}` }, "written"),
        ]).flat(),
      ),
  },
  "the same identical calls in one batch": {
    make: (random) => [times(from(random, 2, 8), () => gives("fetch", { url: 1 }, "document"))],
  },
  "a document read again now and then": {
    make: (random) =>
      oneByOne(
        times(from(random, 1, 3), (at) => [
          gives("read", { file: "notes" }, "the notes"),
          ...times(from(random, 1, 4), (nr) => gives("search", { q: `${at} ${nr}` }, `hit ${at} ${nr}`)),
        ]).flat(),
      ),
  },
  "edit and test, the tests fail differently": {
    make: (random) => editAndTest(from(random, 2, 12), (at) => `failed in line ${at}`),
  },
  "edit and test, the tests fail in the same way": {
    make: (random) => editAndTest(from(random, 2, 12), () => "1 failed"),
  },
  "edit, save and test, the tests fail in the same way": {
    make: (random) =>
      editAndTest(from(random, 2, 12), () => "1 failed").flatMap((turn, at) =>
        at % 2 === 0 ? [turn, [gives("press", { key: "Ctrl+S" }, "ok")]] : [turn],
      ),
  },
  "two agents handing over": {
    make: (random) =>
      oneByOne(
        times(from(random, 2, 6), (at) => ({
          ...gives("delegate", { to: "Bob", question: at }, `answer ${at}`),
          subject: "Bob",
          // Both read the same notes: two agents may ask the same question.
          inside: oneByOne([
            gives("read", { file: `notes ${at}` }, `the notes ${at}`),
            ...times(from(random, 1, 5), (page) => gives("search", { q: at, page }, `hit ${at} ${page}`)),
          ]),
        })).flatMap((handed, at) => [gives("read", { file: `notes ${at}` }, `the notes ${at}`), handed]),
      ),
  },
};

function waitAndLook(random: Random, seconds: number, input: Encoded = { seconds }): Trace {
  return [
    ...times(from(random, 1, 14), () => [
      [gives("sleep", input, "ok", seconds * 1_000)],
      [gives("status", { job: 1 }, "pending")],
    ]).flat(),
    [gives("sleep", input, "ok", seconds * 1_000)],
    [gives("status", { job: 1 }, "done")],
  ];
}

function editAndTest(rounds: number, result: (at: number) => string): Trace {
  return oneByOne(
    times(rounds, (at) => [
      gives("write", { file: "a", text: `change ${at}` }, "written"),
      gives("test", {}, result(at)),
    ]).flat(),
  );
}
