/** One request to one node: for as long as the node lives, and told to its peer and to the metrics. */
import { ForebayError, isKind } from '@forebay/core/errors';
import { StaleMountError } from '@forebay/data-plane/wire/wire-errors';
import type { Peer, RoutableNode } from './peer.ts';
import type { NodeOp, NodeResult, RoutingMetrics } from './routing-metrics.ts';

/** The node gave no answer, or one that says only that something is wrong with it. */
export function isNoAnswer(error: unknown): boolean {
  return isKind(error, 'node-unavailable') || !(error instanceof ForebayError);
}

/** Another node, or the UFS as this process sees it, may well have the bytes. */
export function mayBeElsewhere(error: unknown): boolean {
  return isNoAnswer(error) || isKind(error, 'overloaded') || isKind(error, 'ufs-unavailable');
}

export function resultOf(error: unknown): NodeResult {
  if (isKind(error, 'not-home')) return 'not-home';
  return isNoAnswer(error) ? 'unavailable' : 'error';
}

/** How a node failed. A defect of it, or a mount that it has not heard of, is no reason to avoid it. */
export function noteFailure(peer: Peer, error: unknown): void {
  const isLost = isKind(error, 'node-unavailable') && !(error.cause instanceof StaleMountError);
  if (isLost) peer.failed();
  else if (error instanceof ForebayError) peer.answered();
}

export interface NodeAsk {
  readonly peer: Peer;
  readonly op: NodeOp;
  readonly metrics: RoutingMetrics;
  /** How long it is waited for once the node has gone silent. */
  readonly patienceMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface NodeQuestion<T> {
  /** @param signal aborts when nobody waits any more */
  send(node: RoutableNode, signal: AbortSignal): Promise<T>;
  /** What comes after that. */
  unwanted?(answer: T): void;
}

/** A node that lives may wait for a slow store for long; it says so itself where that takes too long. */
export const stallMsMax = 120_000;

/** @throws ForebayError `node-unavailable` also where it hangs; what the node throws; the signal's reason */
export async function askNode<T>(asked: NodeAsk, question: NodeQuestion<T>): Promise<T> {
  const { peer, op, metrics, patienceMs, signal } = asked;
  const given = Promise.withResolvers<never>();
  const own = new AbortController();
  let isOver = false;
  const giveUp = (reason: unknown) => {
    isOver = true;
    given.reject(reason);
    own.abort(reason);
  };
  const left = () => giveUp(signal?.reason);
  const onSilent = () => giveUp(new HungError());
  const waiter = { isPending: true, progress: 0, patienceMs, stallMs: stallMsMax, onSilent };
  signal?.addEventListener('abort', left, { once: true });
  peer.inFlight += 1;
  peer.liveness.add(waiter);
  try {
    const node = peer.node ?? (await Promise.race([peer.connected(), given.promise]));
    const sent = question.send(node, own.signal);
    sent.then(
      (answer) => isOver && question.unwanted?.(answer),
      () => {},
    );
    const answer = await Promise.race([sent, given.promise]);
    peer.answered();
    metrics.requests.inc({ op, result: 'ok' });
    return answer;
  } catch (error) {
    if (!signal?.aborted) {
      metrics.requests.inc({ op, result: resultOf(error) });
      if (!(error instanceof HungError)) noteFailure(peer, error);
    }
    throw error;
  } finally {
    signal?.removeEventListener('abort', left);
    peer.liveness.remove(waiter);
    peer.inFlight -= 1;
  }
}

/** A node that hangs is avoided for as long as it is silent, and no longer. */
export class HungError extends ForebayError {
  constructor() {
    super('node-unavailable', 'the cache node hangs', { retryAfterMs: 1000 });
  }
}
