/** Errors keep their kind across the wire: a client throws what the node threw. */
import { type ErrorKind, ForebayError, type UfsAnswer, UfsAnswerError } from '@forebay/core/errors';
import { ProtocolError } from './frame.ts';
import { fromJson, toJson } from './meta.ts';

const kinds: ReadonlySet<string> = new Set<ErrorKind>([
  'ufs-answer',
  'ufs-unavailable',
  'version-changed',
  'overloaded',
  'state-unknown',
  'not-home',
  'node-unavailable',
]);

/** The node's table of mounts is another one: at one side a change has not arrived. */
export class StaleMountError extends Error {
  constructor(name: string) {
    super(`the other side knows no mount ${JSON.stringify(name)}`);
    this.name = 'StaleMountError';
  }
}

export function failureOf(error: unknown): Buffer {
  if (error instanceof StaleMountError) return toJson({ kind: 'stale-mount', message: error.message });
  if (error instanceof UfsAnswerError) {
    return toJson({ kind: error.kind, message: error.message, answer: error.answer });
  }
  if (error instanceof ForebayError) {
    const { kind, message, retryAfterMs } = error;
    return toJson({ kind, message, retryAfterMs });
  }
  // A defect, or an abort: told as one, without a kind that would promise something.
  return toJson({ kind: 'other', message: error instanceof Error ? error.message : String(error) });
}

/** @throws ProtocolError */
export function errorOf(failure: Buffer): Error {
  const { kind, message, retryAfterMs, answer } = fromJson(failure);
  if (typeof kind !== 'string' || typeof message !== 'string')
    throw new ProtocolError('a failure says nothing');
  if (kind === 'stale-mount') return new StaleMountError(message);
  if (kind === 'ufs-answer') return new UfsAnswerError(answerIn(answer));
  if (!kinds.has(kind)) return new Error(`the cache node failed: ${message}`);
  return new ForebayError(
    kind as ErrorKind,
    message,
    typeof retryAfterMs === 'number' ? { retryAfterMs } : {},
  );
}

/** @throws ProtocolError */
export function answerIn(value: unknown): UfsAnswer {
  const answer = value as Partial<UfsAnswer> | undefined;
  const { status, code, message } = answer ?? {};
  if (typeof status !== 'number' || typeof code !== 'string' || typeof message !== 'string') {
    throw new ProtocolError('an answer of the UFS says nothing');
  }
  return answer as UfsAnswer;
}
