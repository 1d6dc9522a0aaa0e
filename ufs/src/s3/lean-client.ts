/**
 * What the driver promises of every request, whoever words it: errors as UfsAnswerError, reads repeated
 * within bounds before their first byte, writes sent once and never called failed when they may have
 * happened.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ForebayError, isKind, type UfsAnswer, UfsAnswerError } from '@forebay/core/errors';
import type { Log } from '@forebay/core/log';
import type { HeaderList } from '@forebay/core/object';
import { wholeOf } from '@forebay/core/pieces';
import type { WireAnswer } from '../http1/exchange.ts';
import { NoAnswerError } from '../http1/no-answer.ts';
import type { S3Address } from './address.ts';
import { answerOf, type ErrorReply, errorBodyMaxBytes, looksLikeError } from './error-body.ts';
import type { Transport, WireRequest } from './transport.ts';
import type { UploadAnswer } from './upload.ts';
import type { Uploader, UploadRequest } from './uploader.ts';

/** A request and what it is about, for a 404 that does not say. */
export interface LeanRequest extends Omit<WireRequest, 'address'> {
  readonly about: ErrorReply['about'];
}

export interface WholeAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

/**
 * Before each repetition, the longest pause. The real one is drawn evenly, so that many readers spread out.
 */
const pausesMaxMs = [100, 500];
/** A listing of 1,000 keys of 1,024 bytes, every byte escaped, stays well below. */
const documentMaxBytes = 16 * 1024 * 1024;

export interface LeanClientOptions {
  /** The bucket, or the service, that all its requests go to. */
  readonly address: S3Address;
  readonly transport: Transport;
  readonly uploader: Uploader;
  readonly log: Log;
  readonly readDeadlineMs: number;
}

export class LeanClient {
  readonly #address: S3Address;
  readonly #transport: Transport;
  readonly #uploader: Uploader;
  readonly #log: Log;
  readonly #readDeadlineMs: number;

  constructor(options: LeanClientOptions) {
    this.#address = options.address;
    this.#transport = options.transport;
    this.#uploader = options.uploader;
    this.#log = options.log;
    this.#readDeadlineMs = options.readDeadlineMs;
  }

  /** An answer below 300, or 304; its body must be consumed or returned. */
  async read(request: LeanRequest): Promise<WireAnswer> {
    const startedMs = performance.now();
    for (let repeated = 0; ; repeated += 1) {
      try {
        return await this.#readOnce(request);
      } catch (error) {
        const pauseMs = Math.random() * (pausesMaxMs[repeated] ?? 0);
        const inTime = performance.now() - startedMs + pauseMs < this.#readDeadlineMs;
        if (repeated >= pausesMaxMs.length || !inTime || !isTransient(error)) {
          throw readErrorOf(error, request);
        }
        this.#log.debug({ method: request.method, reason: (error as Error).message }, 'repeating a read');
        await sleep(pauseMs);
        request.signal?.throwIfAborted();
      }
    }
  }

  /** A read whose whole answer is one document. */
  async readWhole(request: LeanRequest): Promise<WholeAnswer> {
    const { status, headers, body } = await this.read(request);
    try {
      const whole = await wholeOf(body, documentMaxBytes);
      if (whole) return { status, headers, body: whole };
    } catch (error) {
      throw readErrorOf(error, request);
    }
    throw new ForebayError('ufs-unavailable', `answer to ${request.method} is too long`);
  }

  /**
   * Sends a write once and reads its answer to the end.
   * @throws UfsAnswerError also for an error document that came with 200; ForebayError state-unknown once
   * all of it was sent and no answer came.
   */
  async write(request: LeanRequest): Promise<WholeAnswer> {
    let answer: WireAnswer;
    try {
      answer = await this.#transport.send({ ...request, address: this.#address });
    } catch (error) {
      throw writeErrorOf(error, request);
    }
    const { status, headers } = answer;
    const body = await wholeOf(answer.body, documentMaxBytes).catch(() => undefined);
    return wholeOrError({ status, headers, body, sent: 'all' }, request);
  }

  /** As `write`, with a body that streams. @throws also what the body's source threw, where it threw. */
  async upload(
    request: Omit<UploadRequest, 'address'> & { about: LeanRequest['about'] },
  ): Promise<WholeAnswer> {
    const { about, key, upload } = request;
    const written = { method: 'PUT', about, key, signal: upload.signal } as const;
    const { body, answer } = await this.#uploader.send({ ...request, address: this.#address });
    try {
      return wholeOrError(await answer, written);
    } catch (error) {
      const failure = error instanceof NoAnswerError ? body.source.failure : undefined;
      throw failure ? failure.error : writeErrorOf(error, written);
    }
  }

  async #readOnce(request: LeanRequest): Promise<WireAnswer> {
    const answer = await this.#transport.send({ ...request, address: this.#address });
    const { status, headers } = answer;
    if (status < 300 || status === 304) return answer;
    const body = await wholeOf(answer.body, errorBodyMaxBytes).catch(() => undefined);
    const { about, key } = request;
    throw new UfsAnswerError(answerOf({ status, headers, body: body ?? Buffer.alloc(0), about, key }));
  }
}

/** Worth the same request again: the connection broke, or the store asks for patience. */
function isTransient(error: unknown): boolean {
  if (error instanceof UfsAnswerError) return isPatience(error.answer);
  // Nothing sent is a store that cannot be reached: the next attempt would only make the caller wait.
  if (!(error instanceof NoAnswerError) || error.sent === 'nothing') return false;
  return ['ECONNRESET', 'EPIPE'].includes(error.code);
}

function isPatience({ status, code }: UfsAnswer): boolean {
  return [500, 502, 503, 504].includes(status) || code === 'SlowDown';
}

/** What a failed read, or its body, is to the caller. */
export function readErrorOf(
  error: unknown,
  request: { method: string; signal?: AbortSignal | undefined },
): unknown {
  if (request.signal?.aborted) return request.signal.reason;
  if (error instanceof ForebayError) return error;
  return unavailable(request, error);
}

/** Of gateways that had no answer from the store themselves: the write may have happened, or happen yet. */
const noWordStatuses = [502, 504];

type Written = Pick<LeanRequest, 'method' | 'key' | 'about' | 'signal'>;

function wholeOrError({ status, headers, body, sent }: UploadAnswer, request: Written): WholeAnswer {
  if (noWordStatuses.includes(status) && sent === 'all') {
    throw stateUnknown(request, `somebody on the way answered ${status}`, undefined);
  }
  if (status >= 300 || (body && looksLikeError(body))) {
    const { about, key } = request;
    // A write has no 304 (S3-WIRE 94); some stores answer a copy's conditions as if it were a read.
    const told = status === 304 ? 412 : status;
    throw new UfsAnswerError(answerOf({ status: told, headers, body: body ?? Buffer.alloc(0), about, key }));
  }
  if (!body) throw stateUnknown(request, 'its answer was cut', undefined);
  if (sent !== 'all') throw stateUnknown(request, 'its answer came before its body was sent', undefined);
  return { status, headers, body };
}

function writeErrorOf(error: unknown, { signal, ...request }: Written): unknown {
  if (!(error instanceof NoAnswerError)) return error;
  if (error.sent === 'all') return stateUnknown(request, 'no answer came', error);
  // Without its last byte the store cannot have taken it.
  return signal?.aborted ? signal.reason : unavailable(request, error);
}

export function unavailable(request: { method: string }, cause: unknown): ForebayError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ForebayError('ufs-unavailable', `${request.method} got no usable answer: ${reason}`, { cause });
}

function stateUnknown(request: { method: string }, reason: string, cause: unknown): ForebayError {
  return new ForebayError('state-unknown', `${request.method} was sent, but ${reason}`, { cause });
}

/** A malformed answer to a write that was sent is no answer. */
export function asStateUnknown(error: unknown, request: { method: string }): unknown {
  return isKind(error, 'ufs-answer') || isKind(error, 'state-unknown')
    ? error
    : stateUnknown(request, 'its answer cannot be read', error);
}
