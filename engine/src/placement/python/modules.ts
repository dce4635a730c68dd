import type { ErrorInfo } from "../../call/outcome.ts";
import { toldError } from "../../call/told-ending.ts";
import type { Prepared } from "./messages.ts";

type ModuleState =
  /** `endings`: templates in a row that ended while they imported this. */
  | { readonly type: "preparing"; readonly generation: number; readonly endings: number }
  | { readonly type: "ready"; readonly generation: number }
  | { readonly type: "failed"; readonly generation: number; readonly error: ErrorInfo };

/** Whether a tool's modules are in the template. */
export type Readiness =
  | { readonly type: "waiting" }
  /** Workers forked since that generation have them. */
  | { readonly type: "ready"; readonly generation: number }
  | { readonly type: "failed"; readonly error: ErrorInfo };

const MAX_ENDINGS = 3;
const UNKNOWN: ErrorInfo = { name: "ImportError", message: "the template did not say why", stack: "" };

/** The modules the template was told to import, and what came of it. */
export class TemplateModules {
  readonly #modules = new Map<string, ModuleState>();
  #generation = 0;

  /** How often the template was told to import something. */
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
      this.#modules.set(module, { type: "preparing", generation: this.#generation, endings: 0 });
    return fresh;
  }

  /** What it says of modules that it was not told to import says nothing. */
  prepared({ modules, failures }: Prepared): void {
    const errors = new Map(failures.map(({ module, error }) => [module, toldError(error) ?? UNKNOWN]));
    for (const module of modules) {
      const generation = this.#modules.get(module)?.generation;
      if (generation === undefined) continue;
      const error = errors.get(module);
      this.#modules.set(module, error ? { type: "failed", generation, error } : { type: "ready", generation });
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
        this.#modules.set(module, { type: "failed", generation: state.generation, error });
      } else if (state.type !== "failed") {
        this.#modules.set(module, { type: "preparing", generation: this.#generation, endings });
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
