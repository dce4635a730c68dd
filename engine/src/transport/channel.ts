import type { Readable, Writable } from "node:stream";
import { encodeFrame, FRAME_LIMITS, type Frame, FrameDecoder, type FrameLimits } from "./frames.ts";
import { stayAwake } from "./stay-awake.ts";

/** What a channel tells its owner. `closed` comes exactly once, and nothing after it. */
export interface ChannelEvents {
  frame(frame: Frame): void;
  /** @param reason undefined where the other side simply ended */
  closed(reason: Error | undefined): void;
}

/** Frames over a pair of byte streams. */
export class Channel {
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #events: ChannelEvents;
  readonly #decoder: FrameDecoder;
  readonly #staysAwake: boolean;
  #closed = false;

  /**
   * @param limits of the frames that come in, until {@link setLimits}
   * @param staysAwake for the next chunk, for a moment; not in a process that is not the engine's own
   */
  constructor(input: Readable, output: Writable, events: ChannelEvents, limits = FRAME_LIMITS, staysAwake = true) {
    this.#staysAwake = staysAwake;
    this.#decoder = new FrameDecoder(limits);
    this.#input = input;
    this.#output = output;
    this.#events = events;
    // A socket that was made with `onread` gives its bytes to `receive`, and has no such event.
    input.on("data", (chunk: Buffer) => this.receive(chunk));
    input.on("end", () => {
      try {
        this.#decoder.end();
        this.close();
      } catch (error) {
        this.close(error as Error);
      }
    });
    // Where the other side has ended, a write may be the first to find out.
    const failed = (error: NodeJS.ErrnoException) => this.close(error.code === "EPIPE" ? undefined : error);
    input.on("error", failed);
    input.on("close", () => this.close());
    if ((output as unknown) !== input) {
      output.on("error", failed);
      output.on("close", () => this.close());
    }
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether a frame is on its way. */
  get isReceiving(): boolean {
    return !this.#closed && this.#decoder.isInsideFrame;
  }

  /** The other side has shown who it is. */
  setLimits(limits: FrameLimits): void {
    this.#decoder.limits = limits;
  }

  /** Takes up what was read. The chunk is kept: it must not change afterwards. */
  receive(chunk: Buffer): void {
    if (this.#closed) return;
    if (this.#staysAwake) stayAwake();
    try {
      for (const frame of this.#decoder.push(chunk)) if (!this.#closed) this.#events.frame(frame);
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** What was sent and the other side has not taken. */
  get backlogBytes(): number {
    return this.#output.writableLength;
  }

  /** Sends a frame; does nothing once the channel is closed, since `closed` has settled what was pending. */
  send(header: { readonly type: string }, body?: Uint8Array): void {
    if (!this.#closed) for (const part of encodeFrame(header, body)) this.#output.write(part);
  }

  close(reason?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#input.destroy();
    this.#output.destroy();
    this.#events.closed(reason);
  }
}
