import { randomUUID, timingSafeEqual } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Channel, type ChannelEvents } from "../../internal/channel.ts";
import type { Clock } from "../../internal/clock.ts";
import type { Frame, FrameLimits } from "../../internal/frames.ts";
import { type GuestHello, PROTOCOL, type WorkerHello } from "./messages.ts";

/** A worker that does not say who it is within this time is turned away. */
const HELLO_TIMEOUT_MS = 10_000;

/** Before it has: one that dials can make the engine hold no more than this. */
const HELLO_LIMITS: FrameLimits = { headerBytes: 64_000, bodyBytes: 0 };
/** Of those that have not, the one that has waited longest goes first. */
const MAX_STRANGERS = 256;

/** Accepts who has shown a token. Undefined turns it away. */
export type Accept<Hello> = (hello: Hello, channel: Channel) => ChannelEvents | undefined;

/** The private socket that workers and guests dial: in a directory that only this user can enter. */
export class DialIn {
  readonly directory: string;
  readonly socketPath: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Those that have not said who they are. */
  readonly #strangers = new Set<Socket>();

  constructor(clock: Clock, acceptWorker: Accept<WorkerHello>, acceptGuest: Accept<GuestHello>) {
    this.directory = mkdtempSync(join(process.env.ENDSTOP_TMPDIR || tmpdir(), "endstop-"));
    this.socketPath = join(this.directory, "engine.sock");
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      this.#strangers.add(socket);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        this.#strangers.delete(socket);
      });
      const [oldest] = this.#strangers;
      if (this.#strangers.size > MAX_STRANGERS) oldest?.destroy();
      const accept: Accept<WorkerHello | GuestHello> = (hello, channel) =>
        "guest" in hello ? acceptGuest(hello, channel) : acceptWorker(hello, channel);
      greet(socket, clock, accept, () => this.#strangers.delete(socket));
    });
    this.#server.listen(this.socketPath);
  }

  /** Where a worker notes what it begins. */
  notePath(worker: number): string {
    return join(this.directory, `worker-${worker}.started`);
  }

  /** Stops listening, ends every connection and removes the directory. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** @param known told when it was let in */
function greet(socket: Socket, clock: Clock, accept: Accept<WorkerHello | GuestHello>, known: () => void): void {
  let events: ChannelEvents | undefined;
  const tooLate = clock.setTimer(HELLO_TIMEOUT_MS, () => socket.destroy());
  const handlers: ChannelEvents = {
    frame(frame: Frame) {
      if (events) return events.frame(frame);
      tooLate.cancel();
      const hello = frame.header as WorkerHello | GuestHello;
      events = hello.type === "hello" && hello.protocol === PROTOCOL ? accept(hello, channel) : undefined;
      if (!events) return channel.close();
      channel.liftLimits();
      known();
    },
    closed(reason) {
      tooLate.cancel();
      events?.closed(reason);
    },
  };
  const channel = new Channel(socket, socket, handlers, HELLO_LIMITS);
}

/** 122 random bits. Node draws them from the system for 128 at once: a call in a worker needs one. */
export function newToken(): string {
  return randomUUID();
}

/** Compares in constant time. */
export function sameToken(expected: string, shown: unknown): boolean {
  if (typeof shown !== "string") return false;
  const a = Buffer.from(expected);
  const b = Buffer.from(shown);
  return a.length === b.length && timingSafeEqual(a, b);
}
