import { requireCount } from "../util/duration.ts";
import { Cap, type Need } from "./cap.ts";
import { findDeadlock } from "./deadlock.ts";
import { type Grant, giveBackPermits, NOBODY_ASKS, nearestHolding, type Returned, takePermits } from "./grant.ts";
import { Lane, type Ticket } from "./lane.ts";

/** The concurrency limits of an engine. */
export interface PermitLimits {
  /** Calls that run at once over all tools; null is no limit. */
  readonly maxConcurrent: number | null;
  /** Permits of each named resource. One that is not listed is exclusive: it has one permit. */
  readonly resources?: Readonly<Record<string, number>>;
}

/** What a tool's calls need beside the engine's permit. */
export interface ToolNeed {
  readonly tool: string;
  /** Calls of this tool that run at once; null is no limit. */
  readonly maxConcurrent: number | null;
  /** Named resources of which each call takes one permit. */
  readonly resources: readonly string[];
}

export interface PermitRequest {
  readonly need: Need;
  /** Whose turns are counted: runs are served in turn. Calls of no run share the turns of `undefined`. */
  readonly run?: unknown;
  /** The ticket of the call whose body makes this one. */
  readonly parent?: Ticket | undefined;
  /** Told once if the call had to wait and now has its permits; not if they are there at once. Must not throw. */
  granted(): void;
}

export interface PermitCount {
  /** Null is no limit. */
  readonly limit: number | null;
  readonly inUse: number;
}

class KnownNeed implements Need {
  readonly caps: readonly Cap[];
  /** Where the calls wait that no body makes. */
  readonly lane: Lane;

  constructor(caps: readonly Cap[]) {
    this.caps = caps;
    this.lane = new Lane(this, undefined);
  }
}

/**
 * Who may run now. A call takes all its permits at once or waits without any, so waiting calls hold nothing.
 *
 * - **Fair**: runs that wait for the same permits have one call a turn ({@link Lane}); within a run and tool calls start as
 *   they came.
 * - **Nested calls do not wait for their own parents**: a body that waits for a call it made lends it its permits, to one at
 *   a time; further ones take free permits. What would still wait for ever is refused at once ({@link findDeadlock}).
 * - **No starvation** between permits: a call that needs `a` and `b` is not passed over for ever by calls that need one of
 *   them.
 * - **Flat**: the cost of a decision does not depend on how many calls wait, only on how many distinct needs do.
 */
export class Permits {
  readonly #engine: Cap;
  readonly #patience: number;
  readonly #resourceLimits: Readonly<Record<string, number>>;
  readonly #caps = new Map<string, Cap>();
  readonly #needs = new Map<string, KnownNeed>();
  /** Keeps one permit of each cap it needs from calls that come later. */
  #elder: Ticket | undefined;
  readonly #started: Ticket[] = [];
  #telling = false;
  #turn = 0;
  #waiting = 0;

  /**
   * @param patience a call whose turn came this often while another of its permits was missing has the next free one kept
   * @throws RangeError for a limit that is not a whole number of at least 1
   */
  constructor(limits: PermitLimits, patience = 8) {
    this.#patience = patience;
    this.#engine = new Cap("engine", limits.maxConcurrent ?? Number.POSITIVE_INFINITY);
    this.#resourceLimits = limits.resources ?? {};
    if (limits.maxConcurrent !== null) requireCount(limits.maxConcurrent, "engine maxConcurrent");
    for (const [name, limit] of Object.entries(this.#resourceLimits)) requireCount(limit, `engine resources ${name}`);
  }

  /** What the calls of a tool need; made once for each tool. The tool's limit given last holds for all its calls. */
  need({ tool, maxConcurrent, resources }: ToolNeed): Need {
    const names = [...new Set(resources)].sort().map((name) => `resource ${name}`);
    if (maxConcurrent !== null || this.#caps.has(`tool ${tool}`)) names.unshift(`tool ${tool}`);
    const key = JSON.stringify(names);
    let entry = this.#needs.get(key);
    if (!entry) {
      entry = new KnownNeed([this.#engine, ...names.map((name) => this.#cap(name))]);
      this.#needs.set(key, entry);
    }
    const toolCap = this.#caps.get(`tool ${tool}`);
    if (toolCap) this.#setLimit(toolCap, maxConcurrent ?? Number.POSITIVE_INFINITY);
    return entry;
  }

  /** Changes the engine's limit; running calls go on. A lower one holds as soon as enough of them have ended. */
  setMaxConcurrent(limit: number | null): void {
    this.#setLimit(this.#engine, limit ?? Number.POSITIVE_INFINITY);
  }

  /** Takes all permits now, or a place in the queue: see the ticket's `state`. */
  request(request: PermitRequest): Ticket {
    const { need, run, parent } = request;
    const parentGrant = parent?.state.type === "granted" ? parent.state : undefined;
    const lane = parentGrant ? this.#nestedLane(parentGrant, need) : (need as KnownNeed).lane;
    const ticket: Ticket = {
      lane,
      run,
      asker: request,
      state: { type: "waiting" },
      misses: 0,
      previous: undefined,
      next: undefined,
    };
    const isFirst = lane.next === undefined;
    const missing = isFirst ? this.#missing(lane) : lane.blockedBy;
    if (isFirst && !missing) {
      ticket.state = takePermits(need, parentGrant);
      ticket.asker = undefined;
      return ticket;
    }
    lane.push(ticket, ++this.#turn);
    this.#waiting++;
    if (!isFirst || !missing) return ticket;
    if (parentGrant) {
      parentGrant.lanes ??= new Map();
      parentGrant.lanes.set(need, lane);
    }
    const knot = parentGrant ? findDeadlock(lane) : undefined;
    if (knot) {
      this.#leave(ticket);
      ticket.state = { type: "deadlocked", caps: knot };
    } else this.#park(lane, missing);
    return ticket;
  }

  /** Ends a call's claim, whatever its state: it leaves the queue, or gives its permits back. Again does nothing. */
  end(ticket: Ticket): void {
    const { state } = ticket;
    if (state.type !== "waiting" && state.type !== "granted") return;
    ticket.state = { type: "ended" };
    // Most often nobody waits.
    if (state.type === "granted" && this.#waiting === 0) return giveBackPermits(state, NOBODY_ASKS);
    if (state.type === "granted") {
      const returned: Returned = { caps: new Set(), lanes: new Set() };
      giveBackPermits(state, returned);
      return this.#serve(returned);
    }
    this.#unpark(ticket.lane);
    this.#leave(ticket);
    const returned: Returned = { caps: new Set(), lanes: new Set() };
    if (ticket === this.#elder) this.#endPrivilege(returned.caps);
    if (ticket.lane.next) returned.lanes.add(ticket.lane);
    this.#serve(returned);
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Calls that run. */
  get inUse(): number {
    return this.#engine.inUse;
  }

  /** Of each cap. */
  get counts(): Readonly<Record<string, PermitCount>> {
    const caps = [this.#engine, ...this.#caps.values()];
    return Object.fromEntries(
      caps.map(({ name, limit, inUse }) => [name, { limit: Number.isFinite(limit) ? limit : null, inUse }]),
    );
  }

  #cap(name: string): Cap {
    let cap = this.#caps.get(name);
    if (!cap) {
      const limit = name.startsWith("resource ") ? (this.#resourceLimits[name.slice("resource ".length)] ?? 1) : 1;
      cap = new Cap(name, limit);
      this.#caps.set(name, cap);
    }
    return cap;
  }

  #setLimit(cap: Cap, limit: number): void {
    if (limit !== Number.POSITIVE_INFINITY) requireCount(limit, `${cap.name} maxConcurrent`);
    cap.limit = limit;
    this.#serve({ caps: new Set([cap]), lanes: new Set() });
  }

  #nestedLane(parent: Grant, need: Need): Lane {
    return parent.lanes?.get(need) ?? new Lane(need, parent);
  }

  /** The first cap that has no permit for the lane's next call. */
  #missing(lane: Lane): Cap | undefined {
    return lane.need.caps.find((cap) => {
      const loan = nearestHolding(lane.parent, cap);
      return !(loan && !loan.borrower) && cap.free <= this.#reserved(cap, lane);
    });
  }

  /** Nested calls are not held back: those that the elder waits for may need them to end. */
  #reserved(cap: Cap, lane: Lane): 0 | 1 {
    const elder = this.#elder;
    if (!elder || lane.parent || lane.next === elder) return 0;
    return elder.lane.need.caps.includes(cap) ? 1 : 0;
  }

  #park(lane: Lane, cap: Cap): void {
    lane.order = lane.nextOrder;
    lane.blockedBy = cap;
    lane.loan = nearestHolding(lane.parent, cap);
    if (lane.loan) {
      lane.loan.waiting ??= new Set();
      lane.loan.waiting.add(lane);
    }
    if (cap.free > 0 && cap.free <= this.#reserved(cap, lane)) cap.heldBack.add(lane);
    else cap.waiting.push(lane);
  }

  #unpark(lane: Lane): void {
    if (lane.heapIndex >= 0) lane.blockedBy?.waiting.remove(lane);
    else lane.blockedBy?.heldBack.delete(lane);
    lane.loan?.waiting?.delete(lane);
    lane.loan = undefined;
    lane.blockedBy = undefined;
  }

  #leave(ticket: Ticket): void {
    const { lane } = ticket;
    this.#waiting--;
    lane.remove(ticket);
    if (!lane.next) lane.parent?.lanes?.delete(lane.need);
  }

  /** Starts what can start now that these caps and lanes may have become free; then tells those that it started. */
  #serve({ caps, lanes }: Returned): void {
    for (const lane of lanes) {
      if (lane.blockedBy) this.#unpark(lane);
      this.#advance(lane, caps);
    }
    for (let cap = this.#nextCap(caps); cap; cap = this.#nextCap(caps)) {
      const lane = cap.waiting.peek();
      if (!lane) break;
      const ticket = lane.next;
      this.#unpark(lane);
      this.#advance(lane, caps);
      if (ticket?.state.type === "waiting" && !lane.parent && ++ticket.misses >= this.#patience) this.#elder ??= ticket;
    }
    this.#tell();
  }

  /**
   * Tells those that were started, when the books are in order: whoever is told may ask for more, or end a call that was
   * started in the same turn. Not from within another telling: ten thousand calls that end at once are no recursion.
   */
  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (const ticket of this.#started) {
        const { asker } = ticket;
        ticket.asker = undefined;
        if (ticket.state.type === "granted") asker?.granted();
      }
    } finally {
      this.#started.length = 0;
      this.#telling = false;
    }
  }

  /** Of the caps with a permit to give, the one whose first lane has waited longest. */
  #nextCap(caps: ReadonlySet<Cap>): Cap | undefined {
    let best: Cap | undefined;
    for (const cap of caps) {
      if (cap.heldBack.size > 0 && cap.free > 1) this.#releaseHeldBack(cap);
      const first = cap.free > 0 ? cap.waiting.peek() : undefined;
      if (first && first.order < (best?.waiting.peek()?.order ?? Number.POSITIVE_INFINITY)) best = cap;
    }
    return best;
  }

  /** One turn of a lane: its next call starts, or the lane waits for what is missing. */
  #advance(lane: Lane, caps: Set<Cap>): void {
    const ticket = lane.next;
    if (!ticket) return;
    const missing = this.#missing(lane);
    if (missing) return this.#park(lane, missing);
    lane.shift(++this.#turn);
    this.#waiting--;
    if (ticket === this.#elder) this.#endPrivilege(caps);
    ticket.state = takePermits(lane.need, lane.parent);
    this.#started.push(ticket);
    if (!lane.next) return void lane.parent?.lanes?.delete(lane.need);
    const blockedBy = this.#missing(lane);
    // Where nothing is missing it waits for its next turn, among those that share the cap.
    const cap = blockedBy ?? (lane.need.caps[0] as Cap);
    if (!blockedBy) caps.add(cap);
    this.#park(lane, cap);
  }

  #endPrivilege(caps: Set<Cap>): void {
    const elder = this.#elder;
    this.#elder = undefined;
    for (const cap of elder?.lane.need.caps ?? []) {
      this.#releaseHeldBack(cap);
      caps.add(cap);
    }
  }

  #releaseHeldBack(cap: Cap): void {
    for (const lane of cap.heldBack) cap.waiting.push(lane);
    cap.heldBack.clear();
  }
}
