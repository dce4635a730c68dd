import type { ResultCodec } from "../state/kept-result.ts";

/** A pickled result that answers a call without a body: it goes to the client. */
export class PickledAnswer {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** Results come from the client and from workers as pickles, and are never looked into. None is one that was not to be kept. */
export const pickleCodec: ResultCodec = {
  keep: (value, maxBytes) =>
    value instanceof Uint8Array && value.length > 0 && value.length <= maxBytes
      ? { form: "opaque", bytes: Uint8Array.from(value) } // a copy: it lies in the buffer that was read
      : undefined,
  restore: ({ bytes }) => new PickledAnswer(bytes),
};
