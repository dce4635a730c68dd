/** Keeps all of a stream up to a limit, and counts the rest. */
export class WholeOutput {
  readonly #limitBytes: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** @returns false once there is more than the limit */
  push(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limitBytes) this.#chunks.length = 0;
    else this.#chunks.push(chunk);
    return this.#bytes <= this.#limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}

/** Keeps the last bytes of a stream: what went wrong stands at the end. */
export class OutputTail {
  readonly #limitBytes: number;
  #tail = Buffer.alloc(0);
  #dropped = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  push(chunk: Buffer): void {
    const all = Buffer.concat([this.#tail, chunk.subarray(Math.max(0, chunk.length - this.#limitBytes))]);
    const keep = Math.min(all.length, this.#limitBytes);
    this.#dropped += this.#tail.length + chunk.length - keep;
    this.#tail = all.subarray(all.length - keep);
  }

  /** The tail as text, with a note of what is missing. */
  text(): string {
    const text = this.#tail.toString("utf8").trimEnd();
    return this.#dropped > 0 ? `… (${this.#dropped} bytes before this are not kept)\n${text}` : text;
  }
}
