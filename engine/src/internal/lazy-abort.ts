/** An `AbortController` that is made when somebody asks for its signal: most bodies never do, and it is the largest part of a call. */
export class LazyAbort {
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** Undefined if it was not aborted. */
  get reason(): unknown {
    return this.#aborted?.reason;
  }

  /** A second time does nothing. */
  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }
}
