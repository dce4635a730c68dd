import { rmSync } from "node:fs";
import { Socket, type SocketConstructorOpts } from "node:net";
import { PROTOCOL } from "../execution/python/messages.ts";
import { Cgroups } from "../processes/cgroups.ts";
import { Channel } from "../transport/channel.ts";
import { systemClock } from "../util/system-clock.ts";
import { version } from "../util/version.generated.ts";
import { Defects } from "./defects.ts";
import type { FromClient, ToClient } from "./messages.ts";
import { watchParent } from "./parent-watch.ts";
import { Session } from "./session.ts";

/** The engine looks at its parent this often: a forked child of the host can keep the pipe open after the host is gone. */
const PARENT_CHECK_MS = 500;
const WATCH_AFTER_MS = 1_000;
/** An engine whose host is gone, and that does not end by itself, has this long. */
const ORPHAN_GRACE_MS = 3_000;
const READ_BYTES = 64 * 1024;

const parentPid = process.ppid;
let session: Session | undefined;
let directory: string | undefined;
let ending = false;

/** @param hostIsGone then nobody else removes the journals; a host that lives starts another engine, which reads them */
async function end(exitCode: number, { hostIsGone }: { readonly hostIsGone: boolean }): Promise<void> {
  if (ending) return;
  ending = true;
  await session?.close();
  if (hostIsGone && directory !== undefined) rmSync(directory, { recursive: true, force: true });
  process.exit(exitCode);
}

/** Plain sockets, since process.stdout writes synchronously to pipes: a host that does not read must not stop deadlines. */
function openPipe(options: SocketConstructorOpts): Socket {
  try {
    return new Socket(options);
  } catch {
    process.stderr.write("endstop: the engine speaks its protocol over pipes; the Python package starts it\n");
    process.exit(64);
  }
}

/** Speaks the protocol on standard input and output until the host is gone. */
function main(): void {
  // One buffer for all reads: by default each read has 64 kB of its own, most of which it gives back.
  const callback = (bytes: number, buffer: Uint8Array): boolean => {
    channel.receive(Buffer.from(buffer.subarray(0, bytes)));
    return true;
  };
  const onread = { buffer: Buffer.allocUnsafe(READ_BYTES), callback };
  const input = openPipe({ fd: 0, readable: true, writable: false, onread });
  const output = openPipe({ fd: 1, readable: false, writable: true });
  const channel = new Channel(input, output, {
    frame: ({ header, body }) => receive(header as FromClient, body),
    closed(reason) {
      if (reason) process.stderr.write(`endstop: the engine ends: ${reason.message}\n`);
      void end(reason ? 70 : 0, { hostIsGone: reason === undefined });
    },
  });
  const send = (message: ToClient, body?: Uint8Array): void => channel.send(message, body);

  function receive(message: FromClient, body: Uint8Array): void {
    if (session) return session.handle(message, body);
    if (message.type !== "hello" || message.protocol !== PROTOCOL || message.version !== version) {
      const seen = message.type === "hello" ? `protocol ${message.protocol}, version ${message.version}` : message.type;
      send({
        type: "refused",
        about: message.type,
        message: `expected hello with protocol ${PROTOCOL}, version ${version}, got ${seen}`,
      });
      return channel.close();
    }
    const { executable, refusal, environment = {}, flags = [] } = message.python;
    const { stdout, pid: host } = message;
    directory = message.directory;
    session = Session.ofHost(
      { executable, refusal, path: body, environment, flags, stdout, host, journals: directory ?? null },
      systemClock,
      send,
      message,
    );
    send({ type: "ready", protocol: PROTOCOL, version, pid: process.pid });
    // Later: an engine that is needed for a moment does without the thread, and its first calls do not wait for it.
    setTimeout(() => {
      watchParent({ parent: parentPid, directory, checkMs: PARENT_CHECK_MS, graceMs: ORPHAN_GRACE_MS });
    }, WATCH_AFTER_MS).unref();
  }

  setInterval(() => {
    if (process.ppid !== parentPid) void end(0, { hostIsGone: true });
  }, PARENT_CHECK_MS).unref();
  const tell = (text: string): void => void process.stderr.write(text);
  const defects = new Defects(systemClock, tell, () => void end(70, { hostIsGone: false }));
  process.stderr.on("error", () => {}); // nobody reads it any more
  // Rejections that nobody handles come here too.
  process.on("uncaughtException", (error) => defects.happened(error));
  // Ctrl-C is for the host to decide; it closes the pipe when it ends.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => void end(0, { hostIsGone: false }));
  process.on("SIGHUP", () => void end(0, { hostIsGone: false }));
  process.on("exit", () => session?.destroyNow());
}

if (process.argv[2] === "--cgroups") process.stdout.write(`${await new Cgroups().describe()}\n`);
else main();
