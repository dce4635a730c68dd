import { describe, expect, it } from "vitest";
import { WorkerModules } from "./modules.ts";

const error = { name: "Error", message: "its licence server is away", stack: "" };
const description = { name: "t", description: null, inputSchema: null, policy: {} };

function known(): WorkerModules {
  const modules = new WorkerModules();
  void modules.add("m");
  modules.loaded("m", description);
  return modules;
}

describe("a module that workers import", () => {
  it("is tried by one worker alone while it is new", async () => {
    const modules = new WorkerModules();
    const { description: described } = modules.add("m");
    expect(modules.isDue("m", false, 0)).toBe(true);
    modules.tries("m", 0);
    expect(modules.isDue("m", true, 0)).toBe(false);
    modules.loaded("m", description);
    expect(modules.isDue("m", false, 0)).toBe(true);
    expect(await described).toBe(description);
  });

  it("is forgotten if it cannot be imported the first time, and may be registered again", async () => {
    const modules = new WorkerModules();
    const { description: described } = modules.add("m");
    modules.failed("m", error, 0);
    await expect(described).rejects.toThrow("licence server");
    expect(modules.isEmpty).toBe(true);
    expect(modules.add("m").isNew).toBe(true);
    modules.tries("m", 0);
    modules.notTried("m");
    expect(modules.isDue("m", false, 0)).toBe(true);
  });

  it("is tried again after a delay that doubles, by one worker, and for ever while calls want it", () => {
    const modules = known();
    const delays: number[] = [];
    let nowMs = 0;
    for (let n = 1; n <= 9; n += 1) {
      modules.tries("m", nowMs);
      const givenUp = modules.failed("m", error, nowMs);
      expect(givenUp).toEqual(n < 7 ? undefined : { error, sinceMs: nowMs });
      const nextMs = modules.nextTryMs(() => true, nowMs) ?? Number.NaN;
      expect(modules.isDue("m", true, nextMs - 1)).toBe(false);
      expect(modules.isDue("m", true, nextMs)).toBe(true);
      delays.push(nextMs - nowMs);
      nowMs = nextMs;
    }
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
    expect(modules.isDue("m", false, nowMs)).toBe(false);
    modules.loaded("m", description);
    expect(modules.isDue("m", false, nowMs)).toBe(true);
  });

  it("has failed once where several workers fail at once", () => {
    const modules = known();
    for (let n = 0; n < 4; n += 1) modules.failed("m", error, 0);
    expect(modules.nextTryMs(() => false, 0)).toBe(100);
  });
});
