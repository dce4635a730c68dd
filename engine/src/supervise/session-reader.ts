import { type ProcessSample, readExactMemory, readTree, scanProcesses } from "./process-tree.ts";
import type { ProcessReader } from "./quota-watch.ts";

/**
 * Looks at a process that leads a session and adopts no orphans: its descendants, and whoever is in its session though the parent has ended.
 * What has left the session *and* lost its parent is not seen here; it is found by its owner when the call ends.
 */
export const sessionReader: ProcessReader = {
  tree(rootPid: number): readonly ProcessSample[] {
    const tree = readTree(rootPid);
    if (tree.length === 0) return tree;
    const seen = new Set(tree.map(({ pid }) => pid));
    const orphans = scanProcesses(({ sessionId, pid }) => sessionId === rootPid && !seen.has(pid));
    return [...tree, ...orphans];
  },
  exactMemory: readExactMemory,
};
