import { expect, it } from "vitest";
import { fromGuest } from "./from-guest.ts";

it("a message that makes no sense is none, and an ending that makes none is the end of its call", () => {
  for (const told of [null, 5, "ended", undefined, { type: "broken", error: null }])
    expect(fromGuest(told)).toBeUndefined();
  for (const ending of [null, {}, { type: "raised", error: null }, { type: "shared", ending: {} }])
    expect(fromGuest({ type: "ended", callId: "c", ending })).toMatchObject({
      callId: "c",
      ending: { type: "crashed" },
    });
  const returned = { type: "ended", callId: "c", ending: { type: "returned", digest: "d", preview: null } };
  expect(fromGuest(returned)).toBe(returned);
  expect(fromGuest({ ...returned, value: "no bytes" })).toMatchObject({ ending: { type: "crashed" } });
});
