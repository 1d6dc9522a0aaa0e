/**
 * One request and its answer on their way through the gateway, and what is known of them for log and
 * metrics. It begins with the head alone: Node's streams come to it where they are needed (short-way.ts).
 */
import { randomFillSync } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '@forebay/core/clock';
import type { HeaderList } from '@forebay/core/object';
import type { Span } from '@forebay/core/tracing';
import type { Sent } from './s3/answer.ts';
import { RawHeaders } from './s3/headers.ts';
import type { Admitted } from './s3/pipeline.ts';
import type { SoonAnswer } from './s3/soon-answer.ts';
import type { Principal, S3Answer } from './s3/types.ts';

/** A request without its body, as the parser gives it. */
export interface RequestHead {
  readonly method: string;
  /** As the client sent it: nothing else is good for routing or signatures. */
  readonly target: string;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  readonly isHttp11: boolean;
  readonly socket: Socket;
}

export interface ExchangeStreams {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** The client waits for 100 Continue before it sends the body. */
  readonly expectsContinue: boolean;
}

export class Exchange {
  readonly head: RequestHead;
  readonly headers: RawHeaders;
  /** `x-amz-request-id`. */
  readonly id = newRequestId();
  /** Monotonic ms. */
  readonly startedMs: number;
  /** Somebody began to read the body (and 100 Continue went out, where it was expected). */
  bodyAsked = false;
  operation = 'Unknown';
  bucket: string | undefined = undefined;
  key: string | undefined = undefined;
  principal: Principal | undefined = undefined;
  cache: string | undefined = undefined;
  errorCode: string | undefined = undefined;
  /** How far the request came without a wait: what is left is to do the rest. */
  admitted: Admitted | undefined = undefined;
  /** The answer was asked for, and comes in a later tick. */
  soon: SoonAnswer | undefined = undefined;
  /** The answer, where it needed no wait: what is left is to send it. */
  answer: S3Answer | undefined = undefined;
  /** Where the answer's head and so many bytes of its body are sent already: the answer's body is the rest. */
  begunBytes: number | undefined = undefined;
  /** When the answer was known and began to go out, where that was not at once; monotonic ms. */
  answeredMs: number | undefined = undefined;
  /** The status that went out. */
  status: number | undefined = undefined;
  /** Of the answer that went out, without those that all have. */
  answerHeaders: HeaderList | undefined = undefined;
  /** What the client was told in place of an answer, as its body could not be read to the end. */
  refused: { readonly status: number; readonly code: string } | undefined = undefined;
  /** How the answer went, once it is over. */
  sent: Sent | undefined = undefined;
  /** Where the request is traced. */
  span: Span | undefined = undefined;
  #streams: ExchangeStreams | undefined = undefined;
  #gone: AbortController | undefined = undefined;

  constructor(head: RequestHead, clock: Clock) {
    this.head = head;
    this.headers = new RawHeaders(head.rawHeaders);
    this.startedMs = clock.monotonicMs();
  }

  /** Gives it Node's streams. */
  attach(streams: ExchangeStreams): void {
    this.#streams = streams;
    if (this.#gone) this.#watch(streams.outgoing, this.#gone);
  }

  get incoming(): IncomingMessage {
    return this.#attached.incoming;
  }

  get outgoing(): ServerResponse {
    return this.#attached.outgoing;
  }

  get expectsContinue(): boolean {
    return this.#streams?.expectsContinue ?? false;
  }

  /** Aborts when the client has gone before it had its answer. Made at its first use: most need none. */
  get signal(): AbortSignal {
    if (!this.#gone) {
      this.#gone = new AbortController();
      if (this.#streams) this.#watch(this.#streams.outgoing, this.#gone);
    }
    return this.#gone.signal;
  }

  /** Whether the client has gone before it had its answer. */
  get isGone(): boolean {
    const outgoing = this.#streams?.outgoing;
    if (!outgoing) return this.head.socket.destroyed;
    return outgoing.destroyed && !outgoing.writableFinished;
  }

  get #attached(): ExchangeStreams {
    if (!this.#streams) throw new Error('an exchange without streams');
    return this.#streams;
  }

  #watch(outgoing: ServerResponse, gone: AbortController): void {
    const abort = () => {
      if (!outgoing.writableFinished) gone.abort(new Error('the client has gone'));
    };
    if (outgoing.closed) abort();
    else outgoing.once('close', abort);
  }
}

export function headOf(incoming: IncomingMessage): RequestHead {
  const { method = '', url = '/', rawHeaders, httpVersion, socket } = incoming;
  return { method, target: url, rawHeaders, isHttp11: httpVersion === '1.1', socket };
}

const idBytes = 8;
/** Random bytes for many ids: asking for eight costs as much as asking for thousands. */
const pool = Buffer.alloc(idBytes * 1024);
let poolAt = pool.length;

/** Unique, in the shape that S3's own have. */
export function newRequestId(): string {
  if (poolAt === pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  poolAt += idBytes;
  return pool.toString('hex', poolAt - idBytes, poolAt).toUpperCase();
}
