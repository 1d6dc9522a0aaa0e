/** A line of the access log as JSON. What is not known is left out. */
import type { Ended } from './access-log.ts';

/** Signatures of links stand in targets: what is here is what they name. */
export function jsonLine({ exchange, status, durationMs, endedAtMs, client }: Ended): string {
  const { id, span, operation, head, bucket, key, headers, principal, errorCode, cache, sent } = exchange;
  const waitMs = exchange.answeredMs === undefined ? undefined : exchange.answeredMs - exchange.startedMs;
  const line = {
    level: 'info',
    time: new Date(endedAtMs),
    id,
    trace: span?.traceId,
    op: operation,
    method: head.method,
    bucket,
    key,
    range: headers.get('range'),
    user: principal?.kind === 'user' ? principal.name : undefined,
    client,
    agent: headers.get('user-agent'),
    status,
    code: errorCode,
    cache,
    bytes: sent?.bodyBytes ?? 0,
    end: sent && sent.end !== 'whole' ? sent.end : undefined,
    ms: tenths(durationMs),
    waitMs: waitMs === undefined ? undefined : tenths(waitMs),
    msg: 'request',
  };
  return `${JSON.stringify(line)}\n`;
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
