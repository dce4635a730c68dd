/** What a heap orders. Its place is kept in the item, so that any item can be removed without a search. */
export interface HeapItem {
  /** Smaller comes first. Change it only while the item is in no heap. */
  order: number;
  /** Written by the heap: -1 while the item is in none. */
  heapIndex: number;
}

/** A binary heap whose items can be removed from the middle. An item is in at most one heap. All in O(log n). */
export class Heap<Item extends HeapItem> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The first item, or undefined. */
  peek(): Item | undefined {
    return this.#items[0];
  }

  push(item: Item): void {
    this.#put(item, this.#items.length);
    this.#rise(item);
  }

  /** Removes and returns the first item. */
  pop(): Item | undefined {
    const first = this.#items[0];
    if (first) this.remove(first);
    return first;
  }

  /** Removes an item of this heap. */
  remove(item: Item): void {
    const index = item.heapIndex;
    const last = this.#items.pop();
    item.heapIndex = -1;
    if (!last || last === item) return;
    this.#put(last, index);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(item: Item): void {
    for (;;) {
      const index = item.heapIndex;
      const parent = this.#items[(index - 1) >> 1];
      if (index === 0 || !parent || parent.order <= item.order) return;
      this.#put(parent, index);
      this.#put(item, (index - 1) >> 1);
    }
  }

  #sink(item: Item): void {
    for (;;) {
      const index = item.heapIndex;
      const left = this.#items[2 * index + 1];
      const right = this.#items[2 * index + 2];
      const child = right && left && right.order < left.order ? right : left;
      if (!child || child.order >= item.order) return;
      const childIndex = child.heapIndex;
      this.#put(child, index);
      this.#put(item, childIndex);
    }
  }

  #put(item: Item, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }
}
