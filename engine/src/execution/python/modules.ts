import type { ErrorInfo } from "../../call/outcome.ts";
import { toldError } from "../../call/told-ending.ts";
import { backoffMs } from "../backoff.ts";
import type { Prepared } from "./messages.ts";

type ModuleState =
  /** `endings`: templates in a row that ended while they imported this. */
  | { readonly type: "preparing"; readonly generation: number; readonly endings: number; readonly failures: number }
  | { readonly type: "ready"; readonly generation: number }
  /** `failures`: imports in a row. */
  | {
      readonly type: "failed";
      readonly generation: number;
      readonly error: ErrorInfo;
      readonly failures: number;
      readonly retryAtMs: number;
    };

/** Whether a tool's modules are in the template. */
export type Readiness =
  | { readonly type: "waiting" }
  /** Workers forked since that generation have them. */
  | { readonly type: "ready"; readonly generation: number }
  | { readonly type: "failed"; readonly error: ErrorInfo };

const MAX_ENDINGS = 3;
/** Between two tries to import what failed: the template does nothing else meanwhile. It doubles up to a minute. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
const UNKNOWN: ErrorInfo = { name: "ImportError", message: "the template did not say why", stack: "" };

/** The modules the template was told to import, and what came of it. */
export class TemplateModules {
  readonly #modules = new Map<string, ModuleState>();
  #generation = 0;

  /** How often the template was told to import something, or has imported what failed before. */
  get generation(): number {
    return this.#generation;
  }

  has(module: string): boolean {
    return this.#modules.has(module);
  }

  /** @returns those that the template must be told to import now */
  request(modules: readonly string[]): readonly string[] {
    const fresh = modules.filter((module) => !this.#modules.has(module));
    if (fresh.length > 0) this.#generation += 1;
    for (const module of fresh)
      this.#modules.set(module, { type: "preparing", generation: this.#generation, endings: 0, failures: 0 });
    return fresh;
  }

  /**
   * A call needs these: what could not be imported is tried again, unless that was just now, or it has ended templates.
   *
   * @returns those that the template must be told to import now
   */
  retry(modules: readonly string[], nowMs: number): readonly string[] {
    return modules.filter((module) => {
      const state = this.#modules.get(module);
      if (state?.type !== "failed" || nowMs < state.retryAtMs) return false;
      const { generation, failures } = state;
      this.#modules.set(module, { type: "preparing", generation, endings: 0, failures });
      return true;
    });
  }

  /** What it says of modules that it was not told to import says nothing. */
  prepared({ modules, failures }: Prepared, nowMs: number): void {
    const errors = new Map(failures.map(({ module, error }) => [module, toldError(error) ?? UNKNOWN]));
    for (const module of modules) {
      const state = this.#modules.get(module);
      if (state === undefined) continue;
      const error = errors.get(module);
      const failed = "failures" in state ? state.failures : 0;
      if (error) {
        const failures = failed + 1;
        const retryAtMs = nowMs + backoffMs(failures, FIRST_RETRY_MS, LONGEST_RETRY_MS);
        this.#modules.set(module, { type: "failed", generation: state.generation, error, failures, retryAtMs });
      } else {
        // Workers that were forked while it could not be imported lack it.
        const generation = failed > 0 ? ++this.#generation : state.generation;
        this.#modules.set(module, { type: "ready", generation });
      }
    }
  }

  /**
   * The template is gone, and all must be imported again, but for what it was importing if that has happened too often: a
   * template may have been killed by somebody else, three in a row have been ended by the module.
   *
   * @param cameUp whether it could import anything: else it is no module's doing
   * @returns what a new template must be told to import
   */
  restart(description: string, cameUp = true): readonly string[] {
    const again: string[] = [];
    this.#generation += 1;
    for (const [module, state] of this.#modules) {
      const endings = state.type === "preparing" ? state.endings + (cameUp ? 1 : 0) : 0;
      if (endings >= MAX_ENDINGS) {
        const error = {
          name: "ImportError",
          message: `the template ${description} while it imported ${module}`,
          stack: "",
        };
        // Never again: with each template all its workers end.
        const never = { failures: endings, retryAtMs: Number.POSITIVE_INFINITY };
        this.#modules.set(module, { type: "failed", generation: state.generation, error, ...never });
      } else if (state.type !== "failed") {
        this.#modules.set(module, { type: "preparing", generation: this.#generation, endings, failures: 0 });
        again.push(module);
      }
    }
    return again;
  }

  /** What the template is importing, or is to. */
  get preparing(): readonly string[] {
    return [...this.#modules].flatMap(([module, { type }]) => (type === "preparing" ? [module] : []));
  }

  get isPreparing(): boolean {
    for (const { type } of this.#modules.values()) if (type === "preparing") return true;
    return false;
  }

  readiness(modules: readonly string[]): Readiness {
    let generation = 0;
    for (const module of modules) {
      const state = this.#modules.get(module);
      if (state?.type === "failed") return { type: "failed", error: state.error };
      if (state?.type !== "ready") return { type: "waiting" };
      generation = Math.max(generation, state.generation);
    }
    return { type: "ready", generation };
  }
}
