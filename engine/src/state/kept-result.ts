import { restoreSnapshot, type Snapshot, takeSnapshot } from "./snapshot.ts";

/** A result as bytes, so that nobody can change what is kept. */
export interface KeptResult {
  /** The bytes of a {@link Snapshot}, or of a value that only another process can read. */
  readonly form: Snapshot["form"] | "opaque";
  readonly bytes: Uint8Array;
}

/** How a door makes bytes of its results, and results of the bytes. */
export interface ResultCodec {
  /** The value of a body that returned; undefined if it would not come back as it was, or is known to be larger. */
  keep(value: unknown, maxBytes: number): KeptResult | undefined;
  /** A value that shares nothing with another one that was restored. */
  restore(kept: KeptResult): unknown;
}

/** For values of this process. */
export const snapshotCodec: ResultCodec = {
  keep: (value, maxBytes) => {
    const snapshot = takeSnapshot(value);
    return snapshot && snapshot.bytes.byteLength <= maxBytes ? snapshot : undefined;
  },
  restore: (kept) => restoreSnapshot(kept as Snapshot),
};
