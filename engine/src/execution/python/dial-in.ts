import { randomUUID, timingSafeEqual } from "node:crypto";
import { existsSync, mkdtempSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Channel, type ChannelEvents } from "../../transport/channel.ts";
import { type Frame, type FrameLimits, GUEST_FRAME_LIMITS } from "../../transport/frames.ts";
import type { Clock } from "../../util/clock.ts";
import { type GuestHello, PROTOCOL, type WorkerHello } from "./messages.ts";

/** A worker that does not say who it is within this time is turned away. */
const HELLO_TIMEOUT_MS = 10_000;

/** Before it has: one that dials can make the engine hold no more than this. */
const HELLO_LIMITS: FrameLimits = { headerBytes: 64_000, bodyBytes: 0 };
/** Of those that have not, the one that has waited longest goes first. */
const MAX_STRANGERS = 256;

/** Accepts who has shown a token. Undefined turns it away. */
export type Accept<Hello> = (hello: Hello, channel: Channel) => ChannelEvents | undefined;

/**
 * The private socket that workers and guests dial: in a directory that only this user can enter. It is made when it is asked for first, so
 * that what hinders it hinders whoever asked, and the next one may have more luck.
 */
export class DialIn {
  readonly #greet: (socket: Socket) => void;
  readonly #opened: (directory: string) => void;
  readonly #sockets = new Set<Socket>();
  /** Those that have not said who they are. */
  readonly #strangers = new Set<Socket>();
  /** All that were made: workers may have noted something in each. */
  readonly #directories: string[] = [];
  readonly #home: string | null;
  #place: { readonly directory: string; readonly server: Server } | undefined;

  /**
   * @param home private directory of the host, which removes it: the first choice, so that nothing stays of an engine that is killed before
   * it has said what it made
   * @param opened told of each directory that is made
   */
  constructor(
    clock: Clock,
    home: string | null,
    acceptWorker: Accept<WorkerHello>,
    acceptGuest: Accept<GuestHello>,
    opened: (directory: string) => void,
  ) {
    this.#opened = opened;
    this.#home = home;
    this.#greet = (socket) => {
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
    };
  }

  /** @throws Error of the file system */
  get directory(): string {
    return (this.#place ?? this.#open()).directory;
  }

  /** Throws as {@link directory} does. */
  get socketPath(): string {
    return socketIn(this.directory);
  }

  /** Makes another if somebody has removed it; who has dialed stays. @returns whether it did. Throws as {@link directory} does */
  renew(): boolean {
    if (!this.#place || existsSync(socketIn(this.#place.directory))) return false;
    this.#place.server.close();
    this.#open();
    return true;
  }

  #open() {
    const directory = privateDirectory(this.#home);
    const server = createServer(this.#greet);
    // Without descriptors nobody can be let in: whoever dials gives up, and the next one may.
    server.on("error", () => {});
    server.listen(socketIn(directory));
    this.#place = { directory, server };
    this.#directories.push(directory);
    this.#opened(directory);
    return this.#place;
  }

  /** Where a worker notes what it begins. */
  notePath(worker: number): string {
    return join(this.directory, `worker-${worker}.started`);
  }

  /** Stops listening, ends every connection and removes the directory. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#place?.server.close();
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
  }
}

function socketIn(directory: string): string {
  return join(directory, "engine.sock");
}

/** The name of a directory begins with it. */
export const PLACE_PREFIX = "endstop-";
/** What the path of a Unix socket may have, with its end; Linux allows 108, macOS 104. */
const MAX_SOCKET_PATH_BYTES = 104;
/** As much as the note of a worker takes. */
const ROOM = Buffer.alloc(4096);

/**
 * A new directory in the first folder whose path is short enough and that has room.
 *
 * @throws Error that names what hinders the first of them, where none will do
 */
function privateDirectory(home: string | null): string {
  const { ENDSTOP_TMPDIR, XDG_RUNTIME_DIR } = process.env;
  const wished = ENDSTOP_TMPDIR || tmpdir();
  let problem: unknown;
  const inHome = home === null ? [] : [home];
  for (const folder of new Set([
    ...inHome,
    wished,
    tmpdir(),
    XDG_RUNTIME_DIR || "/tmp",
    "/tmp",
    "/dev/shm",
    "/var/tmp",
  ])) {
    let made: string | undefined;
    try {
      const length = Buffer.byteLength(socketIn(join(folder, `${PLACE_PREFIX}XXXXXX`)));
      if (length >= MAX_SOCKET_PATH_BYTES) throw new Error(`${folder} is too long for a socket in it`);
      made = mkdtempSync(join(folder, PLACE_PREFIX));
      writeFileSync(join(made, "room"), ROOM);
      unlinkSync(join(made, "room"));
      return made;
    } catch (error) {
      problem ??= error;
      if (made !== undefined) removeTried(made);
    }
  }
  throw problem;
}

/** By calls that need no descriptor. What cannot be removed is empty. */
function removeTried(directory: string): void {
  for (const step of [() => unlinkSync(join(directory, "room")), () => rmdirSync(directory)]) {
    try {
      step();
    } catch {
      // It was not made, or is another's to remove.
    }
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
      channel.setLimits(GUEST_FRAME_LIMITS);
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
