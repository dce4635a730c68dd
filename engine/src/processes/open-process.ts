import { closeSync, openSync, readSync } from "node:fs";
import { memoryIn, type ProcessSample, type ProcessStat, statIn, unlessGone } from "./process-tree.ts";
import { ThreadChildren } from "./thread-children.ts";

interface Files {
  readonly stat: number;
  /** The count of its pages, which costs a fifth of `status`: while that says the same, so does the other. */
  readonly pages: number;
  readonly status: number;
}

/** What is read of a file here is mostly some 1,500 bytes. */
const bytes = Buffer.alloc(8_192);

/** One process that is looked at often. Its files stay open: a look takes a tenth of the time. All is undefined once it has ended, also where another process has its number since. */
export class OpenProcess {
  readonly #pid: number;
  #files: Files | undefined;
  #pages: string | undefined;
  #memoryBytes = 0;
  readonly #children: ThreadChildren;
  #isClosed = false;

  constructor(pid: number) {
    this.#pid = pid;
    this.#children = new ThreadChildren(pid);
  }

  /** As in {@link ProcessSample}. */
  memoryBytes(): number | undefined {
    return this.#unlessGone((files) => this.#memoryIn(files));
  }

  sample(): ProcessSample | undefined {
    return this.#unlessGone((files) => ({ ...this.#statIn(files), memoryBytes: this.#memoryIn(files) }));
  }

  /** Undefined too where a thread of it ends just now: then they have to be looked for. */
  children(): number[] | undefined {
    return this.#unlessGone(() => this.#children.read().map(Number));
  }

  /** To be called when the process has ended. */
  close(): void {
    this.#isClosed = true;
    for (const file of Object.values(this.#files ?? {})) closeSync(file);
    this.#files = undefined;
    this.#children.close();
  }

  #statIn({ stat }: Files): ProcessStat {
    return statIn(this.#pid, textOf(stat));
  }

  #memoryIn({ pages, status }: Files): number {
    const now = textOf(pages);
    if (now !== this.#pages) this.#memoryBytes = memoryIn(textOf(status));
    this.#pages = now;
    return this.#memoryBytes;
  }

  #unlessGone<Seen>(look: (files: Files) => Seen): Seen | undefined {
    if (this.#isClosed) return undefined;
    try {
      this.#files ??= { stat: this.#open("stat"), pages: this.#open("statm"), status: this.#open("status") };
      return look(this.#files);
    } catch (error) {
      return unlessGone(error);
    }
  }

  #open(name: string): number {
    return openSync(`/proc/${this.#pid}/${name}`, "r");
  }
}

function textOf(file: number): string {
  return bytes.toString("latin1", 0, readSync(file, bytes, 0, bytes.length, 0));
}
