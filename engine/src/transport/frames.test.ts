import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, type Frame, FrameDecoder, MAX_BODY_BYTES, MAX_HEADER_BYTES, ProtocolError } from "./frames.ts";

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly header?: { readonly type: string };
  readonly bodyHex?: string;
  readonly problem?: "too-large" | "not-a-header" | "cut";
}

const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("../../../protocol/vectors/frames.json", import.meta.url), "utf8"),
);

describe("frames", () => {
  it.each(vectors.filter(({ problem }) => !problem))("reads $name", ({ hex, header, bodyHex }) => {
    const [frame, ...rest] = new FrameDecoder().push(Buffer.from(hex, "hex"));
    expect(frame?.header).toEqual(header);
    expect(frame?.body.toString("hex")).toBe(bodyHex);
    expect(rest).toEqual([]);
  });

  const problems = { "too-large": /limit/, "not-a-header": /header is not/, cut: /inside a frame/ };
  it.each(vectors.filter(({ problem }) => problem))("refuses $name", ({ hex, problem }) => {
    const decoder = new FrameDecoder();
    const read = () => {
      decoder.push(Buffer.from(hex, "hex"));
      decoder.end();
    };
    expect(read).toThrow(problems[problem ?? "cut"]);
    expect(read).toThrow(ProtocolError);
  });

  it("come out as they went in, however the stream is cut", () => {
    const message = fc.tuple(
      fc.record({ type: fc.string(), text: fc.string({ unit: "grapheme" }) }),
      fc.uint8Array({ maxLength: 300 }),
    );
    fc.assert(
      fc.property(fc.array(message), fc.array(fc.integer({ min: 1, max: 40 })), (messages, cuts) => {
        const stream = Buffer.concat(messages.flatMap(([header, body]) => encodeFrame(header, body)));
        const decoder = new FrameDecoder();
        const seen: unknown[] = [];
        for (let at = 0, i = 0; at < stream.length; i += 1) {
          const size = cuts[i] ?? stream.length;
          for (const { header, body } of decoder.push(stream.subarray(at, at + size))) seen.push([header, [...body]]);
          at += size;
        }
        decoder.end();
        expect(seen).toEqual(messages.map(([header, body]) => [header, [...body]]));
      }),
    );
  });

  it("of a length past the limit are refused before they are read", () => {
    const prefix = Buffer.alloc(8);
    prefix.writeUInt32BE(MAX_HEADER_BYTES + 1, 0);
    expect(() => new FrameDecoder().push(prefix)).toThrow(ProtocolError);
    prefix.writeUInt32BE(2, 0);
    prefix.writeUInt32BE(MAX_BODY_BYTES + 1, 4);
    expect(() => new FrameDecoder().push(prefix)).toThrow(String(MAX_BODY_BYTES));
  });

  it("that are cut by the end of the stream are an error, the end between two is none", () => {
    const frame = Buffer.concat(encodeFrame({ type: "x" }));
    const cut = new FrameDecoder();
    cut.push(frame.subarray(0, frame.length - 1));
    expect(() => cut.end()).toThrow("inside a frame");
    const whole = new FrameDecoder();
    whole.push(frame);
    expect(() => whole.end()).not.toThrow();
  });
});

it("a large frame is whole however it is cut, and what follows it too", () => {
  const body = Buffer.alloc(3_000_000, 7);
  const parts = encodeFrame({ type: "large" }, body);
  expect(parts[1]).toBe(body); // not copied
  const large = Buffer.concat(parts);
  const stream = Buffer.concat([...encodeFrame({ type: "before" }), large, ...encodeFrame({ type: "after" })]);
  for (const step of [1_000, 64 * 1024, 2_999_999, stream.length]) {
    const decoder = new FrameDecoder();
    const frames: Frame[] = [];
    for (let at = 0; at < stream.length; at += step) frames.push(...decoder.push(stream.subarray(at, at + step)));
    expect(frames.map(({ header }) => header.type)).toEqual(["before", "large", "after"]);
    expect(frames[1]?.body.equals(Buffer.alloc(3_000_000, 7))).toBe(true);
    expect(decoder.isInsideFrame).toBe(false);
  }
});
