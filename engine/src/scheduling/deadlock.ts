import type { Cap } from "./cap.ts";
import { type Grant, type Holding, nearestHolding } from "./grant.ts";
import type { Lane } from "./lane.ts";

/**
 * Whether calls of `lane` would wait for ever, if every body waits for the calls it makes: the names of the caps in the knot,
 * or undefined. Only a nested call can close a knot, since only a call that runs holds permits.
 *
 * A lane is stuck while some cap it needs has all its permits with stuck calls, and a call is stuck while one of its nested
 * calls is. The largest such set is found by assuming that all are stuck and striking those that are not (the knot
 * criterion: Holt, "Some deadlock properties of computer systems", 1972).
 */
export function findDeadlock(lane: Lane): string[] | undefined {
  // Mostly some call in the way waits for nothing, and then there is nothing to search.
  if (!knottedCap(lane, EVERY_LANE)) return undefined;
  const lanes = reachableLanes(lane);
  for (let before = -1; before !== lanes.size; ) {
    before = lanes.size;
    for (const candidate of lanes) if (!knottedCap(candidate, lanes)) lanes.delete(candidate);
  }
  if (!lanes.has(lane)) return undefined;
  return [...new Set([...lanes].map((stuck) => knottedCap(stuck, lanes)?.name ?? ""))];
}

interface Lanes {
  has(lane: Lane): boolean;
}

const EVERY_LANE: Lanes = { has: () => true };

function knottedCap(lane: Lane, stuck: Lanes): Cap | undefined {
  return lane.need.caps.find((cap) => {
    const loan = nearestHolding(lane.parent, cap);
    if (cap.free > 0 || (loan && !loan.borrower)) return false;
    if (loan?.borrower && !isChainStuck(loan.borrower, stuck)) return false;
    for (const holding of cap.holdings) if (!isChainStuck(holding, stuck)) return false;
    return true;
  });
}

/** A permit does not come back while one of those that hold it, or have it lent, is stuck. */
function isChainStuck(first: Holding, stuck: Lanes): boolean {
  for (let holding: Holding | undefined = first; holding; holding = holding.borrower) {
    if (isStuck(holding.grant, stuck)) return true;
  }
  return false;
}

function isStuck(grant: Grant, stuck: Lanes): boolean {
  for (const lane of grant.lanes?.values() ?? []) if (stuck.has(lane)) return true;
  for (const child of grant.children ?? []) if (isStuck(child, stuck)) return true;
  return false;
}

function reachableLanes(from: Lane): Set<Lane> {
  const lanes = new Set([from]);
  const grants = new Set<Grant>();
  const visit = (grant: Grant): void => {
    if (grants.has(grant)) return;
    grants.add(grant);
    for (const lane of grant.lanes?.values() ?? []) lanes.add(lane);
    for (const child of grant.children ?? []) visit(child);
  };
  for (const lane of lanes) {
    for (const cap of lane.need.caps) {
      if (cap.free > 0) continue;
      for (const first of cap.holdings) {
        for (let holding: Holding | undefined = first; holding; holding = holding.borrower) visit(holding.grant);
      }
    }
  }
  return lanes;
}
