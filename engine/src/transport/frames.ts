import { isUtf8 } from "node:buffer";

/** Largest header and body of one frame, in bytes. */
export const MAX_HEADER_BYTES = 8 * 1024 * 1024;
export const MAX_BODY_BYTES = 256 * 1024 * 1024;
const PREFIX_BYTES = 8;
const LARGE_BYTES = 1_000_000;

/** What one frame may have. */
export interface FrameLimits {
  readonly headerBytes: number;
  readonly bodyBytes: number;
}

export const FRAME_LIMITS: FrameLimits = { headerBytes: MAX_HEADER_BYTES, bodyBytes: MAX_BODY_BYTES };
/** Of processes that run what a tool wants: a header of theirs takes the event loop no longer than this. */
export const GUEST_FRAME_LIMITS: FrameLimits = { headerBytes: 1_000_000, bodyBytes: MAX_BODY_BYTES };
const NO_BODY = Buffer.alloc(0);

/** A message with a string `type`, and the bytes that travel with it unread. */
export interface Frame<Header extends { readonly type: string } = { readonly type: string }> {
  readonly header: Header;
  readonly body: Buffer;
}

/** The other side does not speak the protocol: the channel cannot be used any more. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** Up to here a body is copied behind its header: one write costs less than two. */
const SMALL_BYTES = 64 * 1024;

/**
 * Encodes one frame: `uint32 BE header bytes, uint32 BE body bytes, header as JSON, body`, in the parts that are to be written one after the
 * other. A large body is one of its own, as it is: to copy 256 MB would stop everything else meanwhile.
 */
export function encodeFrame(header: { readonly type: string }, body: Uint8Array = NO_BODY): Uint8Array[] {
  const json = JSON.stringify(header);
  const headerBytes = Buffer.byteLength(json);
  if (headerBytes > MAX_HEADER_BYTES)
    throw new ProtocolError(`header of ${headerBytes} bytes, limit ${MAX_HEADER_BYTES}`);
  if (body.length > MAX_BODY_BYTES) throw new ProtocolError(`body of ${body.length} bytes, limit ${MAX_BODY_BYTES}`);
  const isCopied = body.length <= SMALL_BYTES;
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + headerBytes + (isCopied ? body.length : 0));
  frame.writeUInt32BE(headerBytes, 0);
  frame.writeUInt32BE(body.length, 4);
  frame.write(json, PREFIX_BYTES);
  if (!isCopied) return [frame, body];
  frame.set(body, PREFIX_BYTES + headerBytes);
  return [frame];
}

/** Turns a stream of bytes into frames, however the stream is cut. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  #neededBytes = PREFIX_BYTES;
  /** Of a large frame: it is filled as its bytes come, so that none of it is copied in one go. */
  #large: { readonly frame: Buffer; filledBytes: number } | undefined;
  limits: FrameLimits;

  constructor(limits = FRAME_LIMITS) {
    this.limits = limits;
  }

  /**
   * @returns the frames that are complete now
   * @throws ProtocolError if a frame is too large or its header is not a JSON object with a string `type`
   */
  push(chunk: Buffer): Frame[] {
    const large = this.#large;
    if (!large) return this.#take(chunk);
    const copiedBytes = chunk.copy(large.frame, large.filledBytes);
    large.filledBytes += copiedBytes;
    if (large.filledBytes < large.frame.length) return [];
    this.#large = undefined;
    const frames = this.#take(large.frame);
    return copiedBytes < chunk.length ? [...frames, ...this.push(chunk.subarray(copiedBytes))] : frames;
  }

  /** Whether the beginning of a frame has come, and not all of it. */
  get isInsideFrame(): boolean {
    return this.#bufferedBytes > 0 || this.#large !== undefined;
  }

  #take(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    const frames: Frame[] = [];
    // A body is joined once, when it is whole.
    while (this.#bufferedBytes >= this.#neededBytes) {
      const buffer = this.#join();
      const headerBytes = buffer.readUInt32BE(0);
      const bodyBytes = buffer.readUInt32BE(4);
      const { limits } = this;
      if (headerBytes > limits.headerBytes) {
        throw new ProtocolError(`frame header of ${headerBytes} bytes, limit ${limits.headerBytes}`);
      }
      if (bodyBytes > limits.bodyBytes)
        throw new ProtocolError(`frame body of ${bodyBytes} bytes, limit ${limits.bodyBytes}`);
      const frameBytes = PREFIX_BYTES + headerBytes + bodyBytes;
      if (buffer.length < frameBytes) {
        if (frameBytes > LARGE_BYTES) this.#setApart(buffer, frameBytes);
        else this.#neededBytes = frameBytes;
        break;
      }
      const bodyStart = PREFIX_BYTES + headerBytes;
      const body = bodyBytes === 0 ? NO_BODY : buffer.subarray(bodyStart, frameBytes);
      frames.push({ header: parseHeader(buffer, bodyStart), body });
      this.#chunks = frameBytes < buffer.length ? [buffer.subarray(frameBytes)] : [];
      this.#bufferedBytes = buffer.length - frameBytes;
      this.#neededBytes = PREFIX_BYTES;
    }
    return frames;
  }

  /** @throws ProtocolError if the stream ended inside a frame */
  end(): void {
    const bytes = this.#bufferedBytes + (this.#large?.filledBytes ?? 0);
    if (bytes > 0) throw new ProtocolError(`stream ended inside a frame, after ${bytes} bytes`);
  }

  #setApart(beginning: Buffer, frameBytes: number): void {
    const frame = Buffer.allocUnsafeSlow(frameBytes);
    this.#large = { frame, filledBytes: beginning.copy(frame) };
    this.#chunks = [];
    this.#bufferedBytes = 0;
    this.#neededBytes = PREFIX_BYTES;
  }

  #join(): Buffer {
    const [first] = this.#chunks;
    const joined = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks, this.#bufferedBytes);
    this.#chunks = [joined];
    return joined;
  }
}

function parseHeader(buffer: Buffer, end: number): { readonly type: string } {
  const text = buffer.toString("utf8", PREFIX_BYTES, end);
  // What is no UTF-8 becomes this sign, which a text may also have by itself.
  if (text.includes("\ufffd") && !isUtf8(buffer.subarray(PREFIX_BYTES, end)))
    throw new ProtocolError("frame header is not UTF-8");
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw new ProtocolError(`frame header is not JSON: ${String(error)}`);
  }
  if (typeof header !== "object" || header === null || typeof (header as { type?: unknown }).type !== "string") {
    throw new ProtocolError("frame header is not an object with a string type");
  }
  return header as { readonly type: string };
}
