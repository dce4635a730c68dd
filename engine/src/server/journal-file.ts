import { closeSync, ftruncateSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";

/** One file of lines, private to this user. A line is written by one call, so that the death of the process cuts at most the last. */
export class JournalFile {
  readonly path: string;
  #descriptor: number;
  #bytes: number;

  private constructor(path: string, descriptor: number, bytes: number) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#bytes = bytes;
  }

  /** @throws Error of the file system, also where the file is there already */
  static create(path: string, header: string): JournalFile {
    const file = new JournalFile(path, openSync(path, "wx", 0o600), 0);
    file.write(header);
    return file;
  }

  /** Opens a file to go on writing, without the part of a line at its end. */
  static resume(path: string, text: string, header: string): JournalFile {
    const bytes = Buffer.byteLength(text.slice(0, text.lastIndexOf("\n") + 1));
    const descriptor = openSync(path, "r+");
    ftruncateSync(descriptor, bytes);
    const file = new JournalFile(path, descriptor, bytes);
    file.write(header);
    return file;
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(text: string): void {
    const bytes = Buffer.byteLength(text);
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
    const fresh = JournalFile.create(`${this.path}.new`, header);
    fresh.write(lines);
    renameSync(fresh.path, this.path);
    closeSync(this.#descriptor);
    this.#descriptor = fresh.#descriptor;
    this.#bytes = fresh.#bytes;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }
}

/** The text of a file, or undefined if there is none that can be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // for whoever asks, a file that cannot be read is one that is not there
  }
}
