import fc from "fast-check";
import { expect, it } from "vitest";
import { LinkedList } from "./linked-list.ts";

interface Item {
  readonly name: number;
  previous: Item | undefined;
  next: Item | undefined;
}

function* names(list: LinkedList<Item>): Generator<number> {
  for (let item = list.first; item; item = item.next) yield item.name;
}

it("keeps the order of arrival, whatever is removed in between", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(50))), (operations) => {
      const list = new LinkedList<Item>();
      const model: Item[] = [];
      let name = 0;
      for (const removed of operations) {
        if (removed === null || model.length === 0) {
          const item: Item = { name: ++name, previous: undefined, next: undefined };
          list.push(item);
          model.push(item);
        } else {
          const [item] = model.splice(removed % model.length, 1);
          list.remove(item as Item);
        }
        expect([...names(list)]).toEqual(model.map((item) => item.name));
        expect(list.isEmpty).toBe(model.length === 0);
      }
    }),
  );
});
