import { describe, expect, it } from "vitest";
import { TemplateModules } from "./modules.ts";

const error = { name: "ImportError", message: "no", stack: "" };

describe("the template's modules", () => {
  it("are asked for once, and are waited for", () => {
    const modules = new TemplateModules();
    expect(modules.request(["a", "b"])).toEqual(["a", "b"]);
    expect(modules.request(["b", "c"])).toEqual(["c"]);
    expect(modules.readiness(["a"])).toEqual({ type: "waiting" });
    expect(modules.isPreparing).toBe(true);
  });

  it("need workers that were forked after them", () => {
    const modules = new TemplateModules();
    modules.request(["a"]);
    modules.request(["b"]);
    modules.prepared({ type: "prepared", modules: ["a"], failures: [] }, 0);
    expect(modules.readiness(["a"])).toEqual({ type: "ready", generation: 1 });
    modules.prepared({ type: "prepared", modules: ["b"], failures: [] }, 0);
    expect(modules.readiness(["a", "b"])).toEqual({ type: "ready", generation: 2 });
    expect(modules.readiness([])).toEqual({ type: "ready", generation: 0 });
  });

  it("that fail to import fail their tools, and no others", () => {
    const modules = new TemplateModules();
    modules.request(["a", "b"]);
    modules.prepared({ type: "prepared", modules: ["a", "b"], failures: [{ module: "b", error }] }, 0);
    expect(modules.readiness(["a", "b"])).toEqual({ type: "failed", error });
    expect(modules.readiness(["a"]).type).toBe("ready");
  });

  it("are imported again by a new template, but for one that has ended three", () => {
    const modules = new TemplateModules();
    modules.request(["good"]);
    modules.prepared({ type: "prepared", modules: ["good"], failures: [] }, 0);
    modules.request(["bad"]);
    expect(modules.restart("was ended by SIGKILL")).toEqual(["good", "bad"]);
    expect(modules.readiness(["bad"])).toEqual({ type: "waiting" });
    modules.prepared({ type: "prepared", modules: ["good"], failures: [] }, 0);
    expect(modules.restart("was ended by SIGKILL")).toEqual(["good", "bad"]);
    expect(modules.restart("ended with exit code 3")).toEqual(["good"]);
    expect(modules.readiness(["good"])).toEqual({ type: "waiting" });
    const readiness = modules.readiness(["bad"]);
    expect(readiness.type === "failed" && readiness.error.message).toBe(
      "the template ended with exit code 3 while it imported bad",
    );
  });

  it("that failed to import are tried again for a call that needs them, after a delay that doubles", () => {
    const modules = new TemplateModules();
    modules.request(["a", "b"]);
    const failed = { type: "prepared", modules: ["a"], failures: [{ module: "a", error }] } as const;
    modules.prepared({ type: "prepared", modules: ["b"], failures: [] }, 0);
    modules.prepared(failed, 0);
    expect(modules.retry(["a", "b"], 999)).toEqual([]);
    expect(modules.retry(["a", "b"], 1_000)).toEqual(["a"]);
    expect(modules.readiness(["a"])).toEqual({ type: "waiting" });
    modules.prepared(failed, 1_000);
    expect(modules.readiness(["a"])).toEqual({ type: "failed", error });
    expect(modules.retry(["a"], 2_999)).toEqual([]);
    expect(modules.retry(["a"], 3_000)).toEqual(["a"]);
    const before = modules.generation;
    modules.prepared({ type: "prepared", modules: ["a"], failures: [] }, 3_000);
    expect(modules.readiness(["a"])).toEqual({ type: "ready", generation: before + 1 });
    expect(modules.readiness(["b"])).toEqual({ type: "ready", generation: before });
  });
});
