/**
 * Health check of the image: exit code 0 where the role in this container can serve. A container runs one
 * role, so the admin port that answers is its own; `FOREBAY_ADMIN_PORT` names another.
 */
const adminPorts = [9001, 9002, 9101];
const { FOREBAY_ADMIN_PORT: chosen } = process.env;

async function isReady(port: number | string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_000) });
  if (!answer.ok) throw new Error(`port ${port} answers ${answer.status}`);
}

try {
  await Promise.any((chosen === undefined ? adminPorts : [chosen]).map(isReady));
} catch (error) {
  const reasons = error instanceof AggregateError ? error.errors : [error];
  console.error(reasons.map((reason) => (reason instanceof Error ? reason.message : reason)).join('; '));
  process.exitCode = 1;
}
