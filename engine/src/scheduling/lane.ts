import type { HeapItem } from "../util/heap.ts";
import { LinkedList, type ListItem } from "../util/linked-list.ts";
import type { Cap, Need } from "./cap.ts";
import type { Grant, Holding } from "./grant.ts";

export type TicketState =
  | { readonly type: "waiting" }
  | Grant
  /** It would wait for ever: what it needs is held by calls that wait for it. `caps` are their names. */
  | { readonly type: "deadlocked"; readonly caps: readonly string[] }
  | { readonly type: "ended" };

/** A call's place in the queue, then its permits. */
export interface Ticket extends ListItem<Ticket> {
  readonly lane: Lane;
  readonly run: unknown;
  /** Told when it had to wait and now has its permits; nobody after that, or where it need not wait. */
  asker: { granted(): void } | undefined;
  state: TicketState;
  /** How often its turn came and another of its permits was missing. */
  misses: number;
}

/** The calls of one run in a lane. */
interface Flow extends ListItem<Flow> {
  readonly run: unknown;
  readonly tickets: LinkedList<Ticket>;
  /** When it joined the ring, or was served last. */
  order: number;
}

/**
 * Calls that need the same permits, and wait. Each run has its turn: a ring of runs, one call a turn (round robin; Nagle, "On
 * packet switches with infinite storage", RFC 970). The ring is sorted by when a run had its last turn, so its first place
 * tells how long the lane has waited, and lanes that share a cap take turns by it.
 */
export class Lane implements HeapItem {
  readonly need: Need;
  /** The call whose body makes these calls; none for the lane of the calls that no body makes. */
  readonly parent: Grant | undefined;
  order = 0;
  heapIndex = -1;
  /** The cap it waits for, and the ancestor's permit of that cap, if there is one. */
  blockedBy: Cap | undefined;
  loan: Holding | undefined;
  readonly #flows = new Map<unknown, Flow>();
  readonly #ring = new LinkedList<Flow>();

  constructor(need: Need, parent: Grant | undefined) {
    this.need = need;
    this.parent = parent;
  }

  /** The call whose turn is next. */
  get next(): Ticket | undefined {
    return this.#ring.first?.tickets.first;
  }

  /** When the run whose turn is next had its last turn. */
  get nextOrder(): number {
    return this.#ring.first?.order ?? 0;
  }

  /** @param order what the run is sorted by if it has no call here yet: the latest so far */
  push(ticket: Ticket, order: number): void {
    let flow = this.#flows.get(ticket.run);
    if (!flow) {
      flow = { run: ticket.run, tickets: new LinkedList(), order, previous: undefined, next: undefined };
      this.#flows.set(ticket.run, flow);
      this.#ring.push(flow);
    }
    flow.tickets.push(ticket);
  }

  /** Takes the next call out; its run goes to the end of the ring. */
  shift(order: number): Ticket | undefined {
    const ticket = this.next;
    if (!ticket) return undefined;
    this.remove(ticket);
    const flow = this.#flows.get(ticket.run);
    if (flow) {
      this.#ring.remove(flow);
      flow.order = order;
      this.#ring.push(flow);
    }
    return ticket;
  }

  /** Takes a call out that will not run; its run keeps its turn. */
  remove(ticket: Ticket): void {
    const flow = this.#flows.get(ticket.run);
    if (!flow) return;
    flow.tickets.remove(ticket);
    if (flow.tickets.isEmpty) {
      this.#ring.remove(flow);
      this.#flows.delete(flow.run);
    }
  }
}
