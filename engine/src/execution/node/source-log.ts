import { closeSync, constants, fstatSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";

export type Entry = readonly [key: string, body: Buffer];

/** Begins each entry. No source text has these bytes. */
const MAGIC = Buffer.from("\u0000esrc\u0001\r\n", "latin1");
/** The magic, a checksum of what follows it, the lengths of key and body. */
const HEADER_BYTES = MAGIC.length + 12;
/** What tools write themselves and import does not fill the disk. */
const MAX_BYTES = 512 * 1_024 * 1_024;

/**
 * Entries that processes append to one file, and of which the first with a key counts for all of them: who has appended one reads what came
 * before it. The file has no name, so it is gone with the last process that has it open. What a kill has cut is passed over.
 */
export class SourceLog {
  readonly fd: number;
  readonly #maxBytes: number;
  readonly #places = new Map<string, { readonly at: number; readonly length: number }>();
  #readTo = 0;

  /** @param fd opened for reading and appending */
  constructor(fd: number, maxBytes = MAX_BYTES) {
    this.fd = fd;
    this.#maxBytes = maxBytes;
  }

  /** @throws Error if no file can be made in any of the folders */
  static create(folders: readonly string[] = [tmpdir(), "/dev/shm"]): SourceLog {
    const { O_RDWR, O_CREAT, O_EXCL, O_APPEND } = constants;
    const errors: unknown[] = [];
    for (const folder of folders) {
      const path = join(folder, `endstop-sources-${process.pid}-${crypto.randomUUID()}`);
      try {
        const log = new SourceLog(openSync(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0o600));
        unlinkSync(path);
        return log;
      } catch (error) {
        errors.push(error);
      }
    }
    throw new AggregateError(errors, `no file can be made in ${folders.join(" or ")}`);
  }

  close(): void {
    closeSync(this.fd);
  }

  /** Of all entries, also of those that others have added. */
  get keys(): Iterable<string> {
    this.#refresh();
    return this.#places.keys();
  }

  get(key: string): Buffer | undefined {
    if (!this.#places.has(key)) this.#refresh();
    const place = this.#places.get(key);
    return place && this.#read(place.at, place.length);
  }

  /** @returns false if they had no room; then others do not know of them */
  add(entries: readonly Entry[]): boolean {
    if (entries.length === 0) return true;
    const bytes = Buffer.concat(entries.flatMap(([key, body]) => framed(Buffer.from(key), body)));
    if (fstatSync(this.fd).size + bytes.length > this.#maxBytes) return false;
    // One write: who else appends comes before it or after it.
    const isWhole = this.#append(bytes);
    this.#refresh();
    return isWhole;
  }

  #append(bytes: Buffer): boolean {
    try {
      return writeSync(this.fd, bytes) === bytes.length;
    } catch {
      return false; // the disk is full
    }
  }

  #refresh(): void {
    const from = this.#readTo;
    const { size } = fstatSync(this.fd);
    if (size <= from) return;
    const bytes = this.#read(from, size - from);
    for (let at = bytes.indexOf(MAGIC); at >= 0; ) {
      const end = this.#enter(bytes, at, from);
      if (end !== undefined) this.#readTo = from + end;
      // One that is not whole is the last and still written to, or was cut, and others follow.
      at = bytes.indexOf(MAGIC, end ?? at + 1);
    }
  }

  /** @returns where the entry ends; undefined if it is not whole */
  #enter(bytes: Buffer, at: number, from: number): number | undefined {
    const begin = at + HEADER_BYTES;
    if (begin > bytes.length) return undefined;
    const [checksum, keyLength, length] = [8, 12, 16].map((offset) => bytes.readUInt32LE(at + offset)) as Lengths;
    const end = begin + keyLength + length;
    if (end > bytes.length || crc32(bytes.subarray(at + 12, end)) !== checksum) return undefined;
    const key = bytes.toString("utf8", begin, begin + keyLength);
    if (!this.#places.has(key)) this.#places.set(key, { at: from + begin + keyLength, length });
    return end;
  }

  #read(at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let read = 0;
    for (let more = -1; read < length && more !== 0; read += more)
      more = readSync(this.fd, bytes, read, length - read, at + read);
    return bytes.subarray(0, read);
  }
}

type Lengths = [checksum: number, keyLength: number, length: number];

function framed(key: Buffer, body: Buffer): Buffer[] {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(key.length, 12);
  header.writeUInt32LE(body.length, 16);
  header.writeUInt32LE(crc32(body, crc32(key, crc32(header.subarray(12)))), 8);
  return [header, key, body];
}

/** What workers import: each file as the first of them read it. A worker has one version, from its start to its end. */
export interface Version {
  /** Undefined where Node has no hooks for it, or no file can be made. */
  readonly log: SourceLog | undefined;
}
