/** Calls of each tool that were admitted and not given back. */
export class Usage {
  readonly #used = new Map<string, number>();

  of(tool: string): number {
    return this.#used.get(tool) ?? 0;
  }

  reserve(tool: string): void {
    this.#used.set(tool, this.of(tool) + 1);
  }

  giveBack(tool: string): void {
    this.#used.set(tool, this.of(tool) - 1);
  }
}
