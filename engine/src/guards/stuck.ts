import type { Guard } from "./guard.ts";

/** Rejects a call on the host while `maxStuck` bodies of its tool there have not stopped: each holds a thread or a task. */
export const stuckGuard: Guard = {
  bounds: "bodies",
  check: ({ stuckBodies, placement, policy: { maxStuck } }) => {
    if (maxStuck === null || placement !== "host" || stuckBodies < maxStuck) return undefined;
    return { code: "host-stuck", figures: { limit: String(maxStuck), observed: String(stuckBodies) } };
  },
};
