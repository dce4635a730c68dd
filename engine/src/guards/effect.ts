import { effectOf } from "../policy/effect.ts";
import type { Guard } from "./guard.ts";

/** Rejects a call if one with its input did not end cleanly and running it again could do its effect twice. */
export const effectGuard: Guard = {
  bounds: "bodies",
  check: ({ tool, fingerprint, policy, ledger }) => {
    const decision = ledger?.decide({ tool, fingerprint, effect: effectOf(policy) });
    return decision?.type === "effect-unknown"
      ? { code: "effect-unknown", figures: { detail: decision.earlier } }
      : undefined;
  },
};
