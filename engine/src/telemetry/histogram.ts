/** Figures of many durations. All are 0 if there were none. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Exact. */
  readonly max: number;
}

/** Percentiles differ from the exact ones by at most this part of them. */
const ACCURACY = 0.02;
const GAMMA = (1 + ACCURACY) / (1 - ACCURACY);
const LOG_GAMMA = Math.log(GAMMA);
/** Below it durations count as nothing, and above the largest as that: 1 µs to some 11 days. */
const SMALLEST = 0.001;
const BUCKETS = Math.ceil(Math.log(1e9 / SMALLEST) / LOG_GAMMA);

/**
 * Percentiles of any number of durations in bounded memory, each within 2 %: buckets whose bounds grow by a constant factor
 * (DDSketch: Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch", VLDB 2019). Grows with the largest
 * duration seen, to at most 3 kB.
 */
export class Histogram {
  #counts = new Uint32Array(0);
  #zeros = 0;
  #count = 0;
  #max = 0;

  /** @param value at least 0 */
  add(value: number): void {
    this.#count++;
    this.#max = Math.max(this.#max, value);
    if (value < SMALLEST) {
      this.#zeros++;
      return;
    }
    const bucket = Math.min(BUCKETS - 1, Math.max(0, Math.ceil(Math.log(value / SMALLEST) / LOG_GAMMA)));
    if (bucket >= this.#counts.length) {
      const grown = new Uint32Array(Math.min(BUCKETS, bucket + 64));
      grown.set(this.#counts);
      this.#counts = grown;
    }
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  /** Adds what another one has counted. */
  addAll(other: Histogram): void {
    this.#count += other.#count;
    this.#zeros += other.#zeros;
    this.#max = Math.max(this.#max, other.#max);
    if (other.#counts.length > this.#counts.length) {
      const grown = new Uint32Array(other.#counts.length);
      grown.set(this.#counts);
      this.#counts = grown;
    }
    for (const [bucket, count] of other.#counts.entries()) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
  }

  get percentiles(): Percentiles {
    const at = (quantile: number): number => this.#quantile(quantile);
    return { count: this.#count, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: this.#max };
  }

  /** The value of rank ⌈q · count⌉. */
  #quantile(quantile: number): number {
    let left = Math.ceil(quantile * this.#count) - this.#zeros;
    if (left <= 0) return 0;
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return Math.min(this.#max, (2 * SMALLEST * GAMMA ** bucket) / (GAMMA + 1));
    }
    return this.#max;
  }
}
