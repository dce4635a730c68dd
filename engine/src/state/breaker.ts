import { assign, initialTransition, type SnapshotFrom, setup, transition } from "xstate";

type BreakerEvent =
  | { readonly type: "succeeded" }
  | { readonly type: "failed"; readonly atMs: number; readonly limit: number }
  /** A call was admitted although the breaker was open: the one that tries. */
  | { readonly type: "probed" }
  /** That call's body was not started. */
  | { readonly type: "untried" };

/**
 * The circuit breaker of one tool (M. Nygard, Release It!, 2007): closed lets calls through; so many failures in a row open
 * it; after the cooldown one call tries, and closes it or opens it again. XState's pure transitions keep the state.
 */
const machine = setup({
  types: { context: {} as { failures: number; openedAtMs: number }, events: {} as BreakerEvent },
  actions: {
    count: assign({ failures: ({ context }) => context.failures + 1 }),
    open: assign({ openedAtMs: ({ context, event }) => (event.type === "failed" ? event.atMs : context.openedAtMs) }),
    forget: assign({ failures: 0 }),
  },
  guards: {
    isLast: ({ context, event }) => event.type === "failed" && context.failures + 1 >= event.limit,
  },
}).createMachine({
  context: { failures: 0, openedAtMs: 0 },
  initial: "closed",
  states: {
    closed: {
      on: {
        failed: [{ guard: "isLast", target: "open", actions: ["count", "open"] }, { actions: "count" }],
        succeeded: { actions: "forget" },
      },
    },
    open: { on: { probed: "halfOpen" } },
    halfOpen: {
      on: {
        failed: { target: "open", actions: ["count", "open"] },
        succeeded: { target: "closed", actions: "forget" },
        untried: "open",
      },
    },
  },
});

export type Breaker = SnapshotFrom<typeof machine>;

/** A breaker in a state that was written down. */
export function breakerIn(value: "closed" | "open" | "halfOpen", failures: number, openedAtMs: number): Breaker {
  return machine.resolveState({ value, context: { failures, openedAtMs } });
}

export const closedBreaker: Breaker = initialTransition(machine)[0];

/** The breaker after an event. A success of a closed breaker without failures, the usual case, changes nothing. */
export function moveBreaker(breaker: Breaker, event: BreakerEvent): Breaker {
  if (event.type === "succeeded" && breaker.value === "closed" && breaker.context.failures === 0) return breaker;
  return transition(machine, breaker, event)[0];
}

/** Until when an open breaker rejects; null if it lets a call through. While its one call tries, it rejects others. */
export function rejectsUntilMs(breaker: Breaker, cooldownMs: number, nowMs: number): number | null {
  if (breaker.value === "closed") return null;
  if (breaker.value === "halfOpen") return nowMs;
  const untilMs = breaker.context.openedAtMs + cooldownMs;
  return untilMs > nowMs ? untilMs : null;
}
