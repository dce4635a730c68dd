import { describe, expect, it } from "vitest";
import { isMarked, LimitMarks } from "./limit-mark.ts";

const limits = (soft: string, hard: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax file locks            ${soft.padEnd(21)}${hard.padEnd(21)}locks\n`;

function marks(soft = "unlimited", hard = "unlimited"): LimitMarks {
  const created = LimitMarks.create(limits(soft, hard));
  if (!created) throw new Error("this system has no prlimit");
  return created;
}

describe.skipIf(process.platform !== "linux")("the mark in a process's limits", () => {
  it("is found in what carries it, and nowhere else", () => {
    const own = marks();
    const first = own.of(1);
    const [, args] = own.command(first, "sh", [], process.env, "/");
    const [, soft = "", hard = ""] = /^--locks=(\d+):(\d+)$/.exec(args[0] ?? "") ?? [];
    expect(isMarked(limits(soft, hard), first)).toBe(true);
    expect(isMarked(limits(soft, hard), own.engine)).toBe(true);
    expect(isMarked(limits(soft, hard), own.of(2))).toBe(false);
    for (const other of [limits("unlimited", "unlimited"), ""]) expect(isMarked(other, own.engine)).toBe(false);
  });

  it("of an engine inside a worker of another leaves that one's standing", () => {
    const outer = marks().of(1);
    const inner = marks(String(outer.from), String(outer.from));
    const [, args] = inner.command(inner.of(1), "sh", [], process.env, "/");
    const [, soft = "", hard = ""] = /^--locks=(\d+):(\d+)$/.exec(args[0] ?? "") ?? [];
    expect(isMarked(limits(soft, hard), outer)).toBe(true);
    expect(isMarked(limits(soft, hard), inner.of(1))).toBe(true);
  });

  it.each(["nowhere-to-be-found", "/nowhere/to/be/found", "/etc/passwd", "/tmp"])(
    "leaves the start of %s to fail by itself",
    (program) => {
      const own = marks();
      expect(own.command(own.of(1), program, ["a"], process.env, "/")).toEqual([program, ["a"]]);
    },
  );
});
