import { show } from "../internal/duration.ts";

/** What a tool declares of its effect, in the terms of the Model Context Protocol's tool annotations. */
export interface EffectOptions {
  /** The tool changes nothing. Default false: undeclared means that it may have effects. */
  readonly readOnly?: boolean | undefined;
  /** Calling it again with the same input changes nothing more. Default false. */
  readonly idempotent?: boolean | undefined;
  /** It may delete or overwrite. Says nothing about calling again, so it changes no decision here. Default true. */
  readonly destructive?: boolean | undefined;
}

/** What a second body with the same input would do: nothing, nothing more, or nobody knows. */
export type Effect = "none" | "once" | "each-time";

/** @throws TypeError for a value that is no boolean, and for a read-only tool that is destructive */
export function compileEffect(options: EffectOptions, what: string): Effect {
  for (const name of ["readOnly", "idempotent", "destructive"] as const) {
    const value: unknown = options[name];
    if (value !== undefined && typeof value !== "boolean") {
      throw new TypeError(`${what} ${name} must be true or false, got ${show(value)}`);
    }
  }
  if (options.readOnly && options.destructive) throw new TypeError(`${what} cannot be both readOnly and destructive`);
  if (options.readOnly) return "none";
  return options.idempotent ? "once" : "each-time";
}

/** The effect of a tool with such a policy. */
export function effectOf({ readOnly, idempotent }: Pick<EffectOptions, "readOnly" | "idempotent">): Effect {
  if (readOnly) return "none";
  return idempotent ? "once" : "each-time";
}

/** Whether a second body does no harm. */
export function isRepeatable(effect: Effect): boolean {
  return effect !== "each-time";
}
