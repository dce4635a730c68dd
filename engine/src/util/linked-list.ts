/** What a list links. An item is in at most one list. */
export interface ListItem<Item> {
  previous: Item | undefined;
  next: Item | undefined;
}

/**
 * First in, first out, and any item can be removed without a search. (A `Set` would do, but finding its first element
 * walks over all that were deleted before.)
 */
export class LinkedList<Item extends ListItem<Item>> {
  #first: Item | undefined;
  #last: Item | undefined;

  get first(): Item | undefined {
    return this.#first;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (let item = this.#first; item; item = item.next) yield item;
  }

  push(item: Item): void {
    item.previous = this.#last;
    item.next = undefined;
    if (this.#last) this.#last.next = item;
    else this.#first = item;
    this.#last = item;
  }

  /** Makes it the first. */
  unshift(item: Item): void {
    item.previous = undefined;
    item.next = this.#first;
    if (this.#first) this.#first.previous = item;
    else this.#last = item;
    this.#first = item;
  }

  /** Removes an item of this list. */
  remove(item: Item): void {
    if (item.previous) item.previous.next = item.next;
    else this.#first = item.next;
    if (item.next) item.next.previous = item.previous;
    else this.#last = item.previous;
    item.previous = undefined;
    item.next = undefined;
  }
}
