import { Heap } from "../util/heap.ts";
import { LinkedList } from "../util/linked-list.ts";
import type { Holding } from "./grant.ts";
import type { Lane } from "./lane.ts";

/** One concurrency limit: of the engine, of a tool, or of a named resource. Each call that needs it takes one permit. */
export class Cap {
  readonly name: string;
  /** Permits there are; infinite where nothing limits. May be lowered below `inUse`: what is out comes back in time. */
  limit: number;
  inUse = 0;
  /** The permits that are out: for each the call that took it, which may have lent it on. */
  readonly holdings = new LinkedList<Holding>();
  /** Lanes that wait for a permit of this cap. */
  readonly waiting = new Heap<Lane>();
  /** Lanes that could go if the last permit were not kept for the call that has been passed over too often. */
  readonly heldBack = new Set<Lane>();

  constructor(name: string, limit: number) {
    this.name = name;
    this.limit = limit;
  }

  get free(): number {
    return this.limit - this.inUse;
  }
}

/** The caps of which a call takes one permit each: all of them at once, or none. */
export interface Need {
  readonly caps: readonly Cap[];
}
