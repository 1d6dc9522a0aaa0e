/**
 * Errors between the roles. Each keeps its kind on its way; only the gateway's edge turns them into S3 codes.
 * - ufs-answer: the UFS said no; status, code and message are its own and reach the client as they are.
 * - ufs-unavailable: no usable answer (refused, timed out, reset, malformed).
 * - version-changed: the object is no longer the version that was asked for.
 * - overloaded: a limit of this process is reached; come back later.
 * - state-unknown: a write was sent and its outcome, or its fence's end, is not known.
 * - not-home: the node that was asked may not answer for the object now; learn the newest epoch, ask again.
 * - node-unavailable: a cache node gave no answer, or broke off; another one, or the UFS, may have the bytes.
 */
export type ErrorKind =
  | 'ufs-answer'
  | 'ufs-unavailable'
  | 'version-changed'
  | 'overloaded'
  | 'state-unknown'
  | 'not-home'
  | 'node-unavailable';

export class ForebayError extends Error {
  readonly kind: ErrorKind;
  /** When it is worth another try, where that is known. */
  readonly retryAfterMs: number | undefined;
  constructor(kind: ErrorKind, message: string, options?: { cause?: unknown; retryAfterMs?: number }) {
    super(message, options);
    this.name = 'ForebayError';
    this.kind = kind;
    this.retryAfterMs = options?.retryAfterMs;
  }
}

export interface UfsAnswer {
  readonly status: number;
  /** S3 error code, e.g. `NoSuchKey`. */
  readonly code: string;
  readonly message: string;
  /** Further elements of the error document, e.g. `['BucketName', 'lake']`. */
  readonly fields?: readonly (readonly [name: string, value: string])[];
  /** The store gave a status alone, as every HEAD does: the code is what it most likely means. */
  readonly guessed?: boolean | undefined;
  /** Headers the client must see with the error, e.g. x-amz-delete-marker. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** The UFS answered, and the answer is an error. */
export class UfsAnswerError extends ForebayError {
  readonly answer: UfsAnswer;
  constructor(answer: UfsAnswer, options?: { cause?: unknown }) {
    super('ufs-answer', `${answer.code}: ${answer.message}`, options);
    this.answer = answer;
  }
}

export function isUfsAnswer(error: unknown, ...codes: string[]): error is UfsAnswerError {
  return error instanceof UfsAnswerError && (codes.length === 0 || codes.includes(error.answer.code));
}

/**
 * Whether the UFS says that there is nothing: no such key, no such version, or a delete marker, which stores
 * name in different ways.
 */
export function isAbsence(error: unknown): error is UfsAnswerError {
  if (isUfsAnswer(error, 'NoSuchKey', 'NoSuchVersion')) return true;
  if (!isUfsAnswer(error) || error.answer.status !== 404) return false;
  return error.answer.headers?.some(([name]) => name === 'x-amz-delete-marker') ?? false;
}

export function isKind(error: unknown, kind: ErrorKind): error is ForebayError {
  return error instanceof ForebayError && error.kind === kind;
}

/** A defect of ours, loudly: never a way to report what a client or the world did. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
