/** Has the process hear of a defect as of an error that nobody caught, while the caller goes on with what does not depend on it. */
export function rethrowAlone(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
