/**
 * Writes an S3Answer to Node's raw response: with back-pressure, without web streams, bytes at hand in one
 * piece. Once the headers are out only two things can happen to a body: all of it is sent, or the connection
 * is cut (S3-WIRE 72). A stream is consumed or returned in every case, and its next piece is asked for only
 * once the last has left this process: a piece is lent until then.
 */
import type { ServerResponse } from 'node:http';
import { type Sent, writeBody } from './body-writer.ts';
import type { S3Answer } from './types.ts';

export type { Sent } from './body-writer.ts';

export interface AnswerContext {
  /** Request ids and the like: sent before the answer's own headers. */
  readonly baseHeaders: readonly (readonly [name: string, value: string])[];
  /** HEAD: headers as for GET, and no body. */
  readonly headOnly: boolean;
  /** The connection ends with this answer. */
  readonly closeConnection: boolean;
  /** Awaited when the whole answer is on its way, before the response ends. */
  readonly beforeEnd?: (() => Promise<void>) | undefined;
  /** Parts of files may go to the socket without a copy. */
  readonly zeroCopy?: boolean;
}

/**
 * Never throws for what a client or a body does. Headers are written before the first await.
 * @throws Error for answers that cannot be written (a defect of ours); then no headers are out
 */
export async function writeAnswer(
  outgoing: ServerResponse,
  answer: S3Answer,
  context: AnswerContext,
): Promise<Sent> {
  const { body } = answer;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (outgoing.destroyed) return leave(bytes, 0);
  const bodiless = context.headOnly || bytes === undefined || isBodiless(answer.status);
  const lengthBytes = answer.chunked ? unknown : lengthOf(answer, bytes);
  if (!bodiless && Number.isNaN(lengthBytes)) {
    await leave(bytes, 0);
    throw new Error('a streamed answer needs a content-length');
  }
  try {
    writeHead(outgoing, answer, context, bytes instanceof Uint8Array ? bytes.length : undefined);
  } catch (error) {
    // Node refuses header values that are none; the caller can still send another answer.
    await leave(bytes, 0);
    throw error;
  }
  if (bodiless) {
    if (bytes !== undefined && !(bytes instanceof Uint8Array)) await returnBody(bytes);
    await finish(outgoing, context, undefined);
    return { bodyBytes: 0, end: 'whole' };
  }
  if (bytes instanceof Uint8Array) {
    await finish(outgoing, context, bytes);
    return { bodyBytes: bytes.length, end: 'whole' };
  }
  const { zeroCopy = false } = context;
  const sent = await writeBody(outgoing, bytes, { lengthBytes, zeroCopy });
  if (sent.end === 'whole') await finish(outgoing, context, undefined);
  return sent;
}

export interface BegunAnswer {
  readonly status: number;
  /** Of the body, out already. */
  readonly bodyBytes: number;
  /** Of all of it. */
  readonly lengthBytes: number;
  readonly zeroCopy: boolean;
}

/**
 * Sends the rest of a body whose head, and the bytes before, are with the system or in the socket's buffers.
 * Never throws for what a client or a body does.
 */
export async function writeRest(
  outgoing: ServerResponse,
  body: AsyncIterable<Uint8Array>,
  begun: BegunAnswer,
): Promise<Sent> {
  if (outgoing.destroyed) return leave(body, begun.bodyBytes);
  outgoing.statusCode = begun.status;
  // Node would write a head of its own. These two say that one was sent, and are its own, not documented.
  Object.assign(outgoing, { _header: 'sent', _headerSent: true });
  const lengthBytes = begun.lengthBytes - begun.bodyBytes;
  const sent = await writeBody(outgoing, body, { lengthBytes, zeroCopy: begun.zeroCopy, isBegun: true });
  if (sent.end === 'whole') outgoing.end();
  return { ...sent, bodyBytes: begun.bodyBytes + sent.bodyBytes };
}

/** Flat name, value, name, value: what writeHead takes without building an object. */
function writeHead(
  outgoing: ServerResponse,
  answer: S3Answer,
  context: AnswerContext,
  lengthBytes: number | undefined,
): void {
  const flat: string[] = [];
  for (const [name, value] of context.baseHeaders) flat.push(name, value);
  for (const [name, value] of answer.headers) {
    if (name !== 'content-length' || !isBodiless(answer.status)) flat.push(name, value);
  }
  for (const [name, value] of answer.sharedHeaders ?? []) flat.push(name, value);
  if (lengthBytes !== undefined && !isBodiless(answer.status) && !hasContentLength(answer)) {
    flat.push('content-length', String(lengthBytes));
  }
  if (lengthBytes === undefined && needsZeroLength(answer)) flat.push('content-length', '0');
  if (context.closeConnection) flat.push('connection', 'close');
  outgoing.writeHead(answer.status, flat);
}

const unknown = Number.POSITIVE_INFINITY;

/** 204 and 304 have no body and no length (S3-WIRE 8). */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

function needsZeroLength(answer: S3Answer): boolean {
  return answer.body === undefined && !isBodiless(answer.status) && !hasContentLength(answer);
}

function hasContentLength(answer: S3Answer): boolean {
  return answer.headers.some(([name]) => name === 'content-length');
}

export function lengthOf(answer: S3Answer, body: Uint8Array | AsyncIterable<Uint8Array> | undefined): number {
  if (body === undefined || body instanceof Uint8Array) return body?.length ?? 0;
  return Number(answer.headers.find(([name]) => name === 'content-length')?.[1]);
}

async function finish(
  outgoing: ServerResponse,
  { beforeEnd }: AnswerContext,
  bytes: Uint8Array | undefined,
): Promise<void> {
  if (beforeEnd) {
    outgoing.flushHeaders();
    if (bytes) outgoing.write(bytes);
    await beforeEnd();
    outgoing.end();
  } else if (bytes) outgoing.end(bytes);
  else outgoing.end();
}

async function leave(
  body: Uint8Array | AsyncIterable<Uint8Array> | undefined,
  bodyBytes: number,
): Promise<Sent> {
  if (body !== undefined && !(body instanceof Uint8Array)) await returnBody(body);
  return { bodyBytes, end: 'client-gone' };
}

/** Tells a stream that no one will read it. How it takes that is its own affair. */
async function returnBody(body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await body[Symbol.asyncIterator]().return?.();
  } catch {
    // The body had failed already: there is nothing left to free and no one to tell.
  }
}
