/** Requests that failed without an answer, and what had been sent of them. */

/** How much of the request the socket had been given when it failed. `part`: not its last byte. */
export type Sent = 'nothing' | 'part' | 'all';

/** No answer, or no whole head of one. */
export class NoAnswerError extends Error {
  readonly sent: Sent;
  constructor(sent: Sent, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'NoAnswerError';
    this.sent = sent;
  }

  /** Code of the socket or of undici: `ECONNREFUSED`, `UND_ERR_HEADERS_TIMEOUT`, ... */
  get code(): string {
    const { cause } = this;
    return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  }
}

export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
