/**
 * One request and its answer on their way through the gateway, and what is known of them for log and
 * metrics.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@forebay/core/clock';
import type { Sent } from './s3/answer.ts';
import type { Principal } from './s3/types.ts';

export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** `x-amz-request-id`. */
  readonly id: string;
  /** The request target as the client sent it: nothing else is good for routing or signatures. */
  readonly target: string;
  /** Monotonic ms. */
  readonly startedMs: number;
  /** Aborts when the client has gone before it had its answer. */
  readonly signal: AbortSignal;
  /** The client waits for 100 Continue before it sends the body. */
  readonly expectsContinue: boolean;
  /** Somebody began to read the body (and 100 Continue went out, where it was expected). */
  bodyAsked: boolean;
  operation: string;
  bucket: string | undefined;
  key: string | undefined;
  principal: Principal | undefined;
  cache: string | undefined;
  errorCode: string | undefined;
  /** How the answer went, once it is over. */
  sent: Sent | undefined;
}

export function openExchange(options: {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
  expectsContinue: boolean;
  clock: Clock;
}): Exchange {
  const { incoming, outgoing } = options;
  const gone = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) gone.abort(new Error('the client has gone'));
  });
  return {
    incoming,
    outgoing,
    id: newRequestId(),
    target: incoming.url ?? '/',
    startedMs: options.clock.monotonicMs(),
    signal: gone.signal,
    expectsContinue: options.expectsContinue,
    bodyAsked: false,
    operation: 'Unknown',
    bucket: undefined,
    key: undefined,
    principal: undefined,
    cache: undefined,
    errorCode: undefined,
    sent: undefined,
  };
}

/** Unique, in the shape that S3's own have. */
export function newRequestId(): string {
  return randomBytes(8).toString('hex').toUpperCase();
}
