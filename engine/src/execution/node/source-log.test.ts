import { fstatSync, readSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, it, onTestFinished } from "vitest";
import { type Entry, SourceLog } from "./source-log.ts";

function makeLogs(maxBytes?: number): [SourceLog, SourceLog, number] {
  const first = SourceLog.create();
  onTestFinished(() => first.close());
  return [first, new SourceLog(first.fd, maxBytes), first.fd];
}

const entry = (key: string, text: string): Entry => [key, Buffer.from(text)];

it("gives everybody the first entry of a key", () => {
  const [one, other] = makeLogs();
  one.add([entry("a", "first"), entry("b", "")]);
  other.add([entry("a", "second"), entry("c", "third")]);
  for (const log of [one, other]) {
    expect(["a", "b", "c", "d"].map((key) => log.get(key)?.toString())).toEqual(["first", "", "third", undefined]);
    expect([...log.keys]).toEqual(["a", "b", "c"]);
  }
});

it("passes over what a kill has cut", () => {
  const [whole, , wholeFd] = makeLogs();
  whole.add([entry("cut", "what was to be written")]);
  const bytes = Buffer.alloc(fstatSync(wholeFd).size);
  readSync(wholeFd, bytes, 0, bytes.length, 0);
  for (let cutAt = 1; cutAt < bytes.length; cutAt += 1) {
    const [one, other, fd] = makeLogs();
    writeSync(fd, bytes.subarray(0, cutAt));
    expect(one.get("cut")).toBeUndefined();
    other.add([entry("next", "x".repeat(cutAt)), entry("cut", "again")]);
    expect([one.get("next")?.length, one.get("cut")?.toString()]).toEqual([cutAt, "again"]);
  }
});

it("takes no more than it has room for", () => {
  const [one, bounded] = makeLogs(100);
  expect(bounded.add([entry("a", "x".repeat(100))])).toBe(false);
  expect(bounded.add([entry("b", "x")])).toBe(true);
  expect([one.get("a"), one.get("b")?.toString()]).toEqual([undefined, "x"]);
});

it("is made in another folder where the first cannot be written to", () => {
  const log = SourceLog.create(["/nowhere", tmpdir()]);
  log.close();
  expect(() => SourceLog.create(["/nowhere"])).toThrow("no file can be made in /nowhere");
});
