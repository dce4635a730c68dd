import fc from "fast-check";
import { expect, it } from "vitest";
import { Heap, type HeapItem } from "./heap.ts";

const item = (order: number): HeapItem => ({ order, heapIndex: -1 });

it("gives its items in order, whatever was pushed and removed before", () => {
  const operation = fc.oneof(
    fc.record({ type: fc.constant("push" as const), order: fc.integer() }),
    fc.record({ type: fc.constant("remove" as const), which: fc.nat(100) }),
    fc.record({ type: fc.constant("pop" as const) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const heap = new Heap<HeapItem>();
      const model: HeapItem[] = [];
      const drop = (gone: HeapItem) => model.splice(model.indexOf(gone), 1);
      for (const next of operations) {
        if (next.type === "push") {
          const pushed = item(next.order);
          heap.push(pushed);
          model.push(pushed);
        } else if (next.type === "remove" && model.length > 0) {
          const gone = model[next.which % model.length] as HeapItem;
          heap.remove(gone);
          drop(gone);
          expect(gone.heapIndex).toBe(-1);
        } else if (next.type === "pop") {
          const popped = heap.pop();
          expect(popped?.order).toBe(model.map(({ order }) => order).sort((a, b) => a - b)[0]);
          if (popped) drop(popped);
        }
        expect(heap.size).toBe(model.length);
      }
      const orders = model.map(({ order }) => order).sort((a, b) => a - b);
      expect(orders.map(() => heap.pop()?.order)).toEqual(orders);
    }),
  );
});
