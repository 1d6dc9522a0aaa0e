/** Waiting for what another process does: asked again until it is so. */
import { setTimeout as wait } from 'node:timers/promises';

/** Resolves with the first answer that is not undefined or false. @throws Error past `timeoutMs` */
export async function until<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined | false> | Answer | undefined | false,
  timeoutMs = 30_000,
): Promise<Answer> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await wait(10);
  }
}
