import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";

/** Behind the lines there are zeros, always: a file that ends without them was cut, be it between two lines. They take no room on the disk. */
const ZEROS = 16_384;

/** Whether the text of a journal file is all of it. */
export function isWhole(text: string): boolean {
  return text.endsWith("\0");
}

/** One file of lines, private to this user. A line is written by one call, so that the death of the process leaves at most the last in part. */
export class JournalFile {
  readonly path: string;
  #descriptor: number;
  #bytes: number;
  /** With the zeros. */
  #size: number;

  private constructor(path: string, descriptor: number, bytes: number, size: number) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#bytes = bytes;
    this.#size = size;
  }

  /** @throws Error of the file system, also where the file is there already */
  static create(path: string, header: string): JournalFile {
    const file = new JournalFile(path, openSync(path, "wx", 0o600), 0, 0);
    try {
      file.write(header);
    } catch (error) {
      file.remove(); // without its header it would be in the way of the next try
      throw error;
    }
    return file;
  }

  /** Opens a file to go on writing over the part of a line at its end. What that leaves of it is no line either. */
  static resume(path: string, text: string, header: string): JournalFile {
    const bytes = Buffer.byteLength(text.slice(0, text.lastIndexOf("\n") + 1));
    const file = new JournalFile(path, openSync(path, "r+"), bytes, Buffer.byteLength(text));
    file.write(header);
    return file;
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (this.#bytes + bytes >= this.#size) {
      ftruncateSync(this.#descriptor, this.#bytes + bytes + ZEROS);
      this.#size = this.#bytes + bytes + ZEROS;
    }
    // As text in one go, which spares a copy for each call; the system may take less than it was given.
    let written = writeSync(this.#descriptor, text, this.#bytes);
    while (written < bytes) {
      const rest = Buffer.from(text).subarray(written);
      written += writeSync(this.#descriptor, rest, 0, rest.length, this.#bytes + written);
    }
    this.#bytes += bytes;
  }

  /** Replaces all its lines at once: whoever reads finds the old ones or the new ones. */
  replace(header: string, lines: string): void {
    const path = `${this.path}.new`;
    rmSync(path, { force: true }); // of an engine that was lost while it did this
    const fresh = JournalFile.create(path, header + lines);
    renameSync(path, this.path);
    closeSync(this.#descriptor);
    this.#descriptor = fresh.#descriptor;
    this.#bytes = fresh.#bytes;
    this.#size = fresh.#size;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** One that cannot be taken out of its directory is emptied: nobody takes what it says for the whole. */
  remove(): void {
    try {
      rmSync(this.path, { force: true });
    } catch {
      ftruncateSync(this.#descriptor, 0);
    } finally {
      this.close();
    }
  }
}

/** The text of a file of this user, or undefined if there is none that can be read. */
export function readText(path: string): string | undefined {
  let descriptor: number | undefined;
  try {
    // What is no plain file must neither be followed nor waited for.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    const found = fstatSync(descriptor);
    const isOurs = process.getuid === undefined || found.uid === process.getuid();
    return found.isFile() && isOurs ? readFileSync(descriptor, "utf8") : undefined;
  } catch {
    return undefined; // for whoever asks, a file that cannot be read is one that is not there
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
