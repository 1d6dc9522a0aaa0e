/**
 * What the driver promises of every request, whoever words it: errors as UfsAnswerError, reads repeated
 * within bounds before their first byte, writes sent once and never called failed when they may have
 * happened.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ForebayError, isKind, UfsAnswerError } from '@forebay/core/errors';
import type { Log } from '@forebay/core/log';
import type { HeaderList } from '@forebay/core/object';
import { wholeOf } from '@forebay/core/pieces';
import type { WireAnswer } from '../http1/exchange.ts';
import { NoAnswerError } from '../http1/no-answer.ts';
import type { UfsQueue } from '../ufs-queue.ts';
import type { CircuitState, UfsUse } from '../ufs-use.ts';
import type { S3Address } from './address.ts';
import { type Asked, outcomeOf, pauseMsBefore, retryReasonOf } from './attempts.ts';
import type { CircuitBreaker, Outcome } from './circuit-breaker.ts';
import { answerOf, type ErrorReply, errorBodyMaxBytes, looksLikeError } from './error-body.ts';
import type { Gate } from './gate.ts';
import { firstOf, type Hedger, type ReadKind } from './hedger.ts';
import type { S3Limits } from './limits.ts';
import type { Transport, WireRequest } from './transport.ts';
import type { UploadAnswer } from './upload.ts';
import type { Uploader, UploadRequest } from './uploader.ts';

/** A request and what it is about, for a 404 that does not say. */
export interface LeanRequest extends Omit<WireRequest, 'address'> {
  readonly about: ErrorReply['about'];
  /** A read of an object, whose answer may be asked for a second time where it is late. */
  readonly kind?: ReadKind | undefined;
}

export interface WholeAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

/** A listing of 1,000 keys of 1,024 bytes, every byte escaped, stays well below. */
const documentMaxBytes = 16 * 1024 * 1024;

export interface LeanClientOptions {
  /** The bucket, or the service, that all its requests go to. */
  readonly address: S3Address;
  readonly transport: Transport;
  readonly uploader: Uploader;
  readonly log: Log;
  readonly limits: S3Limits;
  readonly gate: Gate;
  readonly breaker: CircuitBreaker;
  readonly hedger: Hedger;
  readonly use: UfsUse;
}

export class LeanClient {
  readonly #address: S3Address;
  readonly #transport: Transport;
  readonly #uploader: Uploader;
  readonly #options: LeanClientOptions;

  constructor(options: LeanClientOptions) {
    this.#options = options;
    this.#address = options.address;
    this.#transport = options.transport;
    this.#uploader = options.uploader;
  }

  get circuit(): CircuitState {
    return this.#options.breaker.state;
  }

  get queue(): UfsQueue {
    return this.#options.gate;
  }

  /** An answer below 300, or 304; its body must be consumed or returned. */
  async read(request: LeanRequest): Promise<WireAnswer> {
    const { limits, log, use, breaker } = this.#options;
    const endMs = performance.now() + limits.readDeadlineMs;
    for (let repeated = 0; ; repeated += 1) {
      try {
        return await this.#answerTo(request);
      } catch (error) {
        const reason = breaker.state === 'closed' ? retryReasonOf(error) : undefined;
        const pauseMs = pauseMsBefore(repeated, error);
        const inTime = performance.now() + pauseMs < endMs;
        if (reason === undefined || repeated >= limits.readRetriesMax || !inTime) {
          throw readErrorOf(error, request);
        }
        use.onRetry(reason);
        log.debug({ method: request.method, reason: (error as Error).message }, 'repeating a read');
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
    return this.#guarded(request, async () => {
      let answer: WireAnswer;
      try {
        answer = await this.#transport.send({ ...request, address: this.#address });
      } catch (error) {
        throw writeErrorOf(error, request);
      }
      const { status, headers } = answer;
      const body = await wholeOf(answer.body, documentMaxBytes).catch(() => undefined);
      return wholeOrError({ status, headers, body, sent: 'all' }, request);
    });
  }

  /** As `write`, with a body that streams. @throws also what the body's source threw, where it threw. */
  async upload(
    request: Omit<UploadRequest, 'address'> & { about: LeanRequest['about'] },
  ): Promise<WholeAnswer> {
    const { about, key, upload } = request;
    const { signal } = upload;
    const written = { method: 'PUT', about, key, signal } as const;
    const asked: { -readonly [K in keyof Asked]: Asked[K] } = { signal };
    return this.#guarded(asked, async () => {
      const { body, answer } = await this.#uploader.send({ ...request, address: this.#address });
      try {
        return wholeOrError(await answer, written);
      } catch (error) {
        const failure = error instanceof NoAnswerError ? body.source.failure : undefined;
        asked.sourceFailed = failure !== undefined;
        throw failure ? failure.error : writeErrorOf(error, written);
      }
    });
  }

  /** One attempt at a read; two requests where the first answer is late. */
  #answerTo(request: LeanRequest): Promise<WireAnswer> {
    const { kind } = request;
    const { use, hedger, breaker, gate } = this.#options;
    const delayMs = kind && use.hedges ? hedger.first(kind) : undefined;
    if (!kind) return this.#readOnce(request);
    if (delayMs === undefined) return this.#timed(request, kind);
    return firstOf({
      delayMs,
      maySend: () => breaker.state === 'closed' && gate.hasRoom && hedger.takeSecond(),
      send: (cancel) => this.#timed({ ...request, cancel }, kind),
      close: ({ body }) => void body.return(),
      isAnswer: (error) => outcomeOf(error, request) === 'answered',
      onResult: (result) => use.onHedge(result),
    });
  }

  async #timed(request: LeanRequest, kind: ReadKind): Promise<WireAnswer> {
    const startedMs = performance.now();
    try {
      return await this.#readOnce(request);
    } finally {
      this.#options.hedger.took(kind, performance.now() - startedMs);
    }
  }

  #readOnce(request: LeanRequest): Promise<WireAnswer> {
    return this.#guarded(request, async () => {
      const answer = await this.#transport.send({ ...request, address: this.#address });
      const { status, headers } = answer;
      if (status < 300 || status === 304) return answer;
      const body = await wholeOf(answer.body, errorBodyMaxBytes).catch(() => undefined);
      const { about, key } = request;
      throw new UfsAnswerError(answerOf({ status, headers, body: body ?? Buffer.alloc(0), about, key }));
    });
  }

  /** Sends nothing where the store is not to be asked, and tells the breaker what became of it otherwise. */
  async #guarded<Answer>(request: Asked, send: () => Promise<Answer>): Promise<Answer> {
    const settle = this.#options.breaker.enter();
    let outcome: Outcome = 'answered';
    try {
      return await send();
    } catch (error) {
      outcome = outcomeOf(error, request);
      throw error;
    } finally {
      settle(outcome);
    }
  }
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
