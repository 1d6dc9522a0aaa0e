/**
 * One request and its answer on one connection. Lives from its sending until the body has ended, failed or
 * been returned; then the connection goes back to its pool, or is closed where anything about it is in doubt.
 */
import type { HeaderList } from '@forebay/core/object';
import { type AnswerHead, answerHeadOf, type Framing, malformed } from './answer-head.ts';
import { ChunkedDecoder } from './chunked.ts';
import { type Connection, type ConnectionUser, closed } from './connection.ts';
import { HeadReader } from './head-reader.ts';
import { asError, NoAnswerError, WireError } from './no-answer.ts';
import { type ReadBuffers, smallBufferBytes } from './read-buffers.ts';
import { type BodySource, ResponseBody } from './response-body.ts';

export interface WireAnswer {
  readonly status: number;
  /** Lower-case names, values one character per byte. */
  readonly headers: HeaderList;
  readonly body: ResponseBody;
}

/** What an exchange needs of its connection. */
export type ExchangeConnection = Pick<
  Connection,
  'served' | 'flushed' | 'send' | 'release' | 'resume' | 'destroy'
>;

export interface ExchangeOptions {
  readonly connection: ExchangeConnection;
  readonly buffers: ReadBuffers;
  readonly method: string;
  readonly signal: AbortSignal | undefined;
  readonly headTimeoutMs: number;
  readonly bodyIdleTimeoutMs: number;
  /**
   * After a head: the body is over, whatever became of it. `kept`: the connection may be used again, and the
   * other side keeps it so long; undefined where it is closed.
   */
  readonly onDone: (kept: { idleMs: number } | undefined) => void;
}

/** `100 Continue` and the like, more of which no store sends. */
const interimMax = 16;
const readOn = { pause: false, keep: false } as const;

export class Exchange implements ConnectionUser, BodySource {
  readonly #options: ExchangeOptions;
  readonly #answer = Promise.withResolvers<WireAnswer>();
  readonly #head = new HeadReader();
  readonly #diedIdle: boolean;
  #interim = 0;
  #received = false;
  #framing: Framing | undefined;
  #keptIdleMs: number | undefined;
  #decoder: ChunkedDecoder | undefined;
  #body: ResponseBody | undefined;
  /** Left of a body with a length. */
  #leftBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #done = false;
  #draining = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#diedIdle = options.connection.served > 0;
    options.signal?.addEventListener('abort', this.#onAbort);
  }

  /** Sends it. Resolves with the head of the answer; rejects with NoAnswerError. */
  run(head: string, body: Uint8Array | undefined): Promise<WireAnswer> {
    const { connection, headTimeoutMs } = this.#options;
    this.#timer = setTimeout(() => {
      connection.destroy(new WireError('ETIMEDOUT', `no answer within ${headTimeoutMs} ms`));
    }, headTimeoutMs);
    connection.send(this, head, body);
    return this.#answer.promise;
  }

  get wantsLargeBuffer(): boolean {
    if (this.#draining || !this.#body) return false;
    return this.#framing?.kind !== 'length' || this.#leftBytes > smallBufferBytes;
  }

  onBytes(bytes: Buffer, buffer: Buffer): { pause: boolean; keep: boolean } {
    this.#received = true;
    if (this.#body) return this.#onBody(bytes, buffer);
    let rest = bytes;
    for (;;) {
      const found = this.#head.take(rest);
      if (!found) return readOn;
      rest = rest.subarray(found.takenBytes);
      const head = answerHeadOf(found.text, this.#options.method);
      if (head.status >= 200) {
        this.#onHead(head);
        return this.#onBody(rest, buffer);
      }
      this.#interim += 1;
      if (this.#interim > interimMax) throw malformed('it never begins');
      if (rest.length === 0) return readOn;
    }
  }

  onEnd(): void {
    if (this.#framing?.kind === 'until-close') this.#finish(false);
    else this.#options.connection.destroy(closed());
  }

  onError(error: Error): void {
    const { signal } = this.#options;
    // An aborted signal's reason is what the caller knows, not the socket's end that it caused.
    this.#fail(signal?.aborted ? signal.reason : error);
  }

  resume(): void {
    this.#options.connection.resume();
  }

  waiting(): void {
    if (this.#timer) this.#timer.refresh();
    else this.#timer = setTimeout(this.#onBodyIdle, this.#options.bodyIdleTimeoutMs);
    this.resume();
  }

  left(drain: boolean): void {
    this.#draining = true;
    if (drain) this.waiting();
    else this.#options.connection.destroy(new Error('the consumer has left'));
  }

  readonly #onBodyIdle = () => {
    // While the consumer is busy with a piece nobody is to blame.
    if (!this.#draining && !this.#body?.hasWaiting) return;
    const { connection, bodyIdleTimeoutMs } = this.#options;
    connection.destroy(new WireError('ETIMEDOUT', `no byte within ${bodyIdleTimeoutMs} ms`));
  };

  readonly #onAbort = () => {
    this.#options.connection.destroy(asError(this.#options.signal?.reason));
  };

  #onHead({ status, headers, framing, keepsAlive, keptIdleMs }: AnswerHead): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#framing = framing;
    if (keepsAlive) this.#keptIdleMs = keptIdleMs ?? Number.POSITIVE_INFINITY;
    if (framing.kind === 'chunked') this.#decoder = new ChunkedDecoder();
    if (framing.kind === 'length') this.#leftBytes = framing.lengthBytes;
    const announcedBytes = announcedBytesOf(headers);
    this.#body = new ResponseBody(this, { announcedBytes, buffers: this.#options.buffers });
    this.#answer.resolve({ status, headers, body: this.#body });
  }

  #onBody(bytes: Buffer, buffer: Buffer): { pause: boolean; keep: boolean } {
    const { dataBytes, takenBytes } = this.#taken(bytes);
    const extra = takenBytes < bytes.length;
    const over = this.#decoder
      ? this.#decoder.done
      : this.#framing?.kind === 'length' && this.#leftBytes === 0;
    const body = this.#body!;
    // Before the end: the consumer may read on at once.
    const keep = dataBytes > 0 && !this.#draining;
    const goesOn = keep ? body.push(bytes.subarray(0, dataBytes), buffer) : true;
    if (over) this.#finish(!extra);
    return { pause: !goesOn && !over, keep };
  }

  /** How much of the bytes is data, moved to their front, and how much belonged to the body at all. */
  #taken(bytes: Buffer): { dataBytes: number; takenBytes: number } {
    if (this.#decoder) return this.#decoder.decode(bytes);
    if (this.#framing?.kind !== 'length') return { dataBytes: bytes.length, takenBytes: bytes.length };
    const dataBytes = Math.min(bytes.length, this.#leftBytes);
    this.#leftBytes -= dataBytes;
    return { dataBytes, takenBytes: dataBytes };
  }

  #fail(cause: unknown): void {
    if (this.#done) return;
    this.#cleanUp();
    if (this.#body) {
      this.#body.fail(cause);
      this.#options.onDone(undefined);
    } else {
      this.#answer.reject(new NoAnswerError('all', cause, { diedIdle: this.#diedIdle && !this.#received }));
    }
  }

  /** All of the answer is here. */
  #finish(clean: boolean): void {
    if (this.#done) return;
    this.#cleanUp();
    const { connection, onDone } = this.#options;
    this.#body?.end();
    const idleMs = clean && connection.flushed ? this.#keptIdleMs : undefined;
    if (idleMs === undefined) connection.destroy(closed());
    else connection.release();
    onDone(idleMs === undefined ? undefined : { idleMs });
  }

  #cleanUp(): void {
    this.#done = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }
}

function announcedBytesOf(headers: HeaderList): number | undefined {
  const value = headers.find(([name]) => name === 'content-length')?.[1];
  return value === undefined ? undefined : Number(value);
}
