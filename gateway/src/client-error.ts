/**
 * Answers to what Node's parser refuses before there is a request: well-formed S3 errors, then the end
 * (S3-WIRE 13).
 */

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type Exchange, newRequestId } from './exchange.ts';
import { errorDocument } from './s3/error-document.ts';
import { S3Error } from './s3/errors.ts';

export interface ClientErrorContext {
  /** The latest exchange of the connection. */
  readonly exchange: Exchange | undefined;
  readonly hostId: string;
  readonly headerBytesMax: number;
}

/** A body of which no more comes is as late as a head that does not: 400 RequestTimeout. */
export const stalledError = Object.assign(new Error('the client sends no more of its body'), {
  code: 'ERR_HTTP_REQUEST_TIMEOUT',
});

export interface ClientError {
  /** For the counter. */
  readonly reason: 'headers' | 'timeout' | 'malformed';
  readonly id: string;
  /** Undefined: nothing was answered. */
  readonly status: number | undefined;
  readonly code: string;
  /** What could not be read is the rest of this one; undefined: it is a request of its own. */
  readonly of: Exchange | undefined;
}

/** @returns undefined where the connection had simply ended */
export function answerClientError(
  error: Error,
  socket: Socket,
  context: ClientErrorContext,
): ClientError | undefined {
  const code = 'code' in error ? error.code : undefined;
  const left = code === 'ECONNRESET' || code === 'EPIPE' || !socket.writable;
  const unfinished = context.exchange?.incoming.complete === false ? context.exchange : undefined;
  if (left || !isItsTurn(socket, context.exchange)) {
    socket.destroy();
    const unanswered = { id: newRequestId(), status: undefined, code: 'BadRequest', of: unfinished };
    return left ? undefined : { reason: 'malformed', ...unanswered };
  }
  const [reason, answer] = refusalOf(code, { ...context, unfinished });
  const id = unfinished?.id ?? newRequestId();
  const document = errorDocument(answer, { requestId: id, hostId: context.hostId });
  const { status, headers, body, code: told } = document;
  if (unfinished) unfinished.refused = { status, code: told };
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `x-amz-request-id: ${id}`,
    `x-amz-id-2: ${context.hostId}`,
    `date: ${new Date().toUTCString()}`,
    'server: Forebay',
    'connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
  return { reason, id, status, code: told, of: unfinished };
}

/**
 * Whether what goes out now is taken as the answer to what cannot be read. Not where a request before it has
 * not been answered to the end: an error would end up in that answer's body, or stand for it.
 */
function isItsTurn(socket: Socket, exchange: Exchange | undefined): boolean {
  if (!exchange || exchange.outgoing.writableFinished) return true;
  const { incoming, outgoing } = exchange;
  return !incoming.complete && !outgoing.headersSent && outgoing.socket === socket;
}

/** @param context `unfinished`: the request of whose body a part has not come */
function refusalOf(
  code: unknown,
  { headerBytesMax, unfinished }: { headerBytesMax: number; unfinished: Exchange | undefined },
): ['headers' | 'timeout' | 'malformed', S3Error] {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const fields = { MaxSizeAllowed: String(headerBytesMax) };
    return ['headers', new S3Error('RequestHeaderSectionTooLarge', { fields })];
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return ['timeout', new S3Error('RequestTimeout')];
  // The client has closed its side, and listens still.
  if (code === 'HPE_INVALID_EOF_STATE' && unfinished) return ['malformed', new S3Error('IncompleteBody')];
  return ['malformed', new S3Error('BadRequest')];
}
