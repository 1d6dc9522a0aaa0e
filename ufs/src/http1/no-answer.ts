/** Requests that failed without an answer, and what had been sent of them. */

/** How much of the request the socket had been given when it failed. `part`: not its last byte. */
export type Sent = 'nothing' | 'part' | 'all';

/** No answer, or no whole head of one. */
export class NoAnswerError extends Error {
  readonly sent: Sent;
  /** A connection that had served before ended without a byte of this answer: it was dead already. */
  readonly diedIdle: boolean;

  /** The store was not even tried: the request cannot be sent as it is. */
  readonly unsendable: boolean;

  constructor(sent: Sent, cause: unknown, { diedIdle = false, unsendable = false } = {}) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'NoAnswerError';
    this.sent = sent;
    this.diedIdle = diedIdle;
    this.unsendable = unsendable;
  }

  /** Code of the socket, or of a `WireError`: `ECONNREFUSED`, `ETIMEDOUT`, ... */
  get code(): string {
    const { cause } = this;
    return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  }
}

/**
 * What ended an exchange: `ECONNRESET` the other side closed, `ETIMEDOUT` a limit passed, `EPROTO` an answer
 * that HTTP/1.1 does not allow.
 */
export class WireError extends Error {
  readonly code: 'ECONNRESET' | 'ETIMEDOUT' | 'EPROTO';
  constructor(code: WireError['code'], message: string) {
    super(message);
    this.name = 'WireError';
    this.code = code;
  }
}

export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
