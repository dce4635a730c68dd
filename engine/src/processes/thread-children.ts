import { closeSync, openSync, readdirSync, readSync } from "node:fs";

const bytes = Buffer.alloc(8_192);

/** The children of a process that is looked at often. They belong to the thread that forked them; the list of each thread stays open. */
export class ThreadChildren {
  readonly #folder: string;
  readonly #lists = new Map<string, number>();

  /** @param process its number, or `self` */
  constructor(process: number | "self") {
    this.#folder = `/proc/${process}/task`;
  }

  /** @throws Error of the system where the process is gone, or a thread ends just now */
  read(): string[] {
    const threads = readdirSync(this.#folder);
    for (const [thread, list] of this.#lists) {
      if (threads.includes(thread)) continue;
      this.#lists.delete(thread);
      closeSync(list);
    }
    return threads.flatMap((thread) => this.#childrenOf(thread));
  }

  close(): void {
    for (const list of this.#lists.values()) closeSync(list);
    this.#lists.clear();
  }

  #childrenOf(thread: string): string[] {
    let list = this.#lists.get(thread);
    if (list === undefined) {
      list = openSync(`${this.#folder}/${thread}/children`, "r");
      this.#lists.set(thread, list);
    }
    return bytes
      .toString("latin1", 0, readSync(list, bytes, 0, bytes.length, 0))
      .split(" ")
      .filter(Boolean);
  }
}
