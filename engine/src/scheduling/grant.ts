import type { ListItem } from "../util/linked-list.ts";
import type { Cap, Need } from "./cap.ts";
import type { Lane } from "./lane.ts";

/** One permit in the hands of one call. A chain of loans has one permit, and only its last borrower uses it. */
export interface Holding extends ListItem<Holding> {
  readonly cap: Cap;
  readonly grant: Grant;
  /** The ancestor's holding that this one is borrowed from; none if the permit was free. */
  lender: Holding | undefined;
  /** The nested call that uses the permit while this call's body waits for it. */
  borrower: Holding | undefined;
  /** Lanes of nested calls that wait for this permit to come back from its borrower. */
  waiting: Set<Lane> | undefined;
}

/** The permits of one call that runs. */
export interface Grant {
  readonly type: "granted";
  readonly parent: Grant | undefined;
  holdings: Holding[];
  /** Nested calls that run. Most bodies make none. */
  children: Set<Grant> | undefined;
  /** Nested calls that wait, by what they need. */
  lanes: Map<Need, Lane> | undefined;
}

/** The permit of `cap` that the nearest ancestor holds. Beyond an ancestor that has ended nobody waits for the call. */
export function nearestHolding(parent: Grant | undefined, cap: Cap): Holding | undefined {
  for (let grant = parent; grant && grant.holdings.length > 0; grant = grant.parent) {
    for (const holding of grant.holdings) if (holding.cap === cap) return holding;
  }
  return undefined;
}

/** Takes one permit of each cap: borrowed from the nearest ancestor where it can lend, else a free one. */
export function takePermits(need: Need, parent: Grant | undefined): Grant {
  const grant: Grant = { type: "granted", parent, holdings: NONE, children: undefined, lanes: undefined };
  grant.holdings = need.caps.map((cap) => take(cap, grant));
  if (parent) {
    parent.children ??= new Set();
    parent.children.add(grant);
  }
  return grant;
}

/** As long as it will be: an array that grows has room for sixteen more. */
const NONE: Holding[] = [];

function take(cap: Cap, grant: Grant): Holding {
  const nearest = nearestHolding(grant.parent, cap);
  const lender = nearest && !nearest.borrower ? nearest : undefined;
  const holding: Holding = {
    cap,
    grant,
    lender,
    borrower: undefined,
    waiting: undefined,
    previous: undefined,
    next: undefined,
  };
  if (lender) lender.borrower = holding;
  else {
    cap.inUse++;
    cap.holdings.push(holding);
  }
  return holding;
}

/** What giving permits back made available. */
export interface Returned<Caps = Set<Cap>, Lanes = Set<Lane>> {
  /** Caps that have a permit more. */
  readonly caps: Caps;
  /** Lanes of nested calls whose ancestor can lend again, or is gone. */
  readonly lanes: Lanes;
}

/** For a call whose permits nobody waits for. */
export const NOBODY_ASKS: Returned<Adds<Cap>, Adds<Lane>> = { caps: { add: () => {} }, lanes: { add: () => {} } };

interface Adds<Item> {
  add(item: Item): unknown;
}

/**
 * Gives a call's permits back: to the lender, to the cap, or for good to the nested call that still uses it.
 *
 * @param returned told what that made available
 */
export function giveBackPermits(grant: Grant, returned: Returned<Adds<Cap>, Adds<Lane>>): void {
  for (const holding of grant.holdings) {
    const { cap, lender, borrower } = holding;
    if (lender) lender.borrower = borrower;
    if (borrower) borrower.lender = lender;
    if (!lender) {
      cap.holdings.remove(holding);
      if (borrower) cap.holdings.push(borrower);
      else {
        cap.inUse--;
        returned.caps.add(cap);
      }
    } else if (!borrower) for (const lane of lender.waiting ?? []) returned.lanes.add(lane);
    for (const lane of holding.waiting ?? []) returned.lanes.add(lane);
  }
  grant.holdings.length = 0;
  grant.parent?.children?.delete(grant);
}
