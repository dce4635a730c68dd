import fc from "fast-check";
import { expect, it } from "vitest";
import { type Flight, SingleFlight } from "./single-flight.ts";

it("starts one attempt for identical calls, and tells each of them in order, once", () => {
  const flights = new SingleFlight<string>();
  const first = flights.join("k", "a");
  expect([first.leads, flights.join("k", "b").leads, flights.join("other", "c").leads]).toEqual([true, false, true]);
  expect(flights.land(first.flight)).toEqual(["a", "b"]);
  expect(flights.land(first.flight)).toEqual([]);
  expect(flights.join("k", "d").leads).toBe(true);
});

it("aborts the attempt only when its last caller left, the first or another", () => {
  const flights = new SingleFlight<string>();
  const { flight } = flights.join("k", "a");
  flights.join("k", "b");
  expect(flights.leave(flight, "a")).toBe(false);
  expect(flights.leave(flight, "a")).toBe(false);
  expect(flights.leave(flight, "b")).toBe(true);
  expect(flights.leave(flight, "b")).toBe(false);
  expect(flights.size).toBe(0);
});

it("does not end the next flight of a key when an abandoned one lands late", () => {
  const flights = new SingleFlight<string>();
  const abandoned = flights.join("k", "a").flight;
  flights.leave(abandoned, "a");
  const next = flights.join("k", "b");
  expect(next.leads).toBe(true);
  expect(flights.land(abandoned)).toEqual([]);
  expect(flights.join("k", "c").leads).toBe(false);
  expect(flights.land(next.flight)).toEqual(["b", "c"]);
});

it("gives every caller its answer or its leave, and bodies exactly one a flight, in any order of events", () => {
  const step = fc.record({ type: fc.constantFrom("join", "leave", "land"), which: fc.nat(1_000), key: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const flights = new SingleFlight<number>();
      // The obvious model: attempts, each with a list of callers; open until it landed or was abandoned.
      interface Attempt {
        key: string;
        callers: number[];
        isOpen: boolean;
        flight: Flight<number>;
      }
      const attempts: Attempt[] = [];
      let caller = 0;
      for (const { type, which, key } of steps) {
        const attempt = attempts[which % Math.max(1, attempts.length)];
        if (type === "join") {
          const open = attempts.find((its) => its.isOpen && its.key === `${key}`);
          const { flight, leads } = flights.join(`${key}`, ++caller);
          expect(leads).toBe(!open);
          if (open) open.callers.push(caller);
          else attempts.push({ key: `${key}`, callers: [caller], isOpen: true, flight });
        } else if (!attempt) continue;
        else if (type === "land") {
          expect(flights.land(attempt.flight)).toEqual(attempt.callers);
          Object.assign(attempt, { callers: [], isOpen: false });
        } else {
          const [left] = attempt.callers.splice(which % Math.max(1, attempt.callers.length), 1);
          if (left === undefined) continue;
          if (attempt.callers.length === 0) attempt.isOpen = false;
          expect(flights.leave(attempt.flight, left)).toBe(!attempt.isOpen);
        }
        expect(flights.size).toBe(attempts.filter(({ isOpen }) => isOpen).length);
      }
    }),
  );
});
