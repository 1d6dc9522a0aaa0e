/** Waits for all of them to end; the first error stops the others, and is thrown. */
export async function allOrStop(stop: AbortController, all: readonly Promise<void>[]): Promise<void> {
  try {
    await Promise.all(all);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(all);
    throw error;
  }
}
