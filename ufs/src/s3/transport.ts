/**
 * Signed requests to one store over one bounded pool of connections: paths and headers go out byte for byte,
 * answers come back raw and back-pressured. No meaning here, and no repetition but of reads that met a
 * connection which had died while idle. Bodies that stream go through uploader.ts.
 */
import { emptySha256, sha256Hex } from '@forebay/core/sigv4';
import { asChild, type Span, spanNow } from '@forebay/core/tracing';
import type { Connection } from '../http1/connection.ts';
import { ConnectionPool } from '../http1/connection-pool.ts';
import { Exchange, type WireAnswer } from '../http1/exchange.ts';
import { NoAnswerError } from '../http1/no-answer.ts';
import { ReadBuffers } from '../http1/read-buffers.ts';
import type { Gate } from './gate.ts';
import type { Cancel } from './hedger.ts';
import type { S3Limits } from './limits.ts';
import type { SignedTarget, Signer, Target } from './signer.ts';

export interface WireRequest extends Target {
  readonly body?: Uint8Array | undefined;
  /** Instead of the limits of the head and of the body. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Gives it up before its answer has begun, where nobody waits for it. */
  readonly cancel?: Cancel | undefined;
}

export interface TransportOptions {
  readonly origin: string;
  readonly signer: Signer;
  /** Shared with the uploader: the limit is the store's, not the pool's. */
  readonly gate: Gate;
  readonly limits: S3Limits;
}

/** Shorter than servers keep an idle connection, as a write on one that is just closed cannot be repeated. */
const writeIdleMaxMs = 4_000;
/** Of all stores: buffers that nobody reads into. */
const buffers = new ReadBuffers({ keptBytesMax: 32 * 1024 * 1024 });

export class Transport {
  readonly #signer: Signer;
  readonly #gate: Gate;
  readonly #limits: S3Limits;
  readonly #pool: ConnectionPool;
  readonly #origin: string;

  constructor({ origin, signer, gate, limits }: TransportOptions) {
    this.#signer = signer;
    this.#origin = origin;
    this.#gate = gate;
    this.#limits = limits;
    const { connectTimeoutMs, idleTimeoutMs } = limits;
    this.#pool = new ConnectionPool({ origin, buffers, connectTimeoutMs, idleTimeoutMs });
    gate.onPrepare = (connections) => this.#pool.prepare(connections);
  }

  /**
   * Sends once. The answer's body must be consumed or returned.
   * @throws NoAnswerError, ForebayError overloaded, or the signal's reason before anything was sent.
   */
  send(request: WireRequest): Promise<WireAnswer> {
    if (!spanNow()) return this.#send(request, undefined);
    const { method } = request;
    const facts = { 'http.request.method': method, 'server.address': this.#origin };
    return asChild({ name: method, kind: 'client', facts }, async (span) => {
      const answer = await this.#send(request, span);
      span?.add({ 'http.response.status_code': answer.status });
      return answer;
    });
  }

  async #send(request: WireRequest, span: Span | undefined): Promise<WireAnswer> {
    const { body, signal } = request;
    const payloadHash = body ? sha256Hex(body) : emptySha256;
    // Where nothing has to be waited for the request leaves in the caller's tick, before all else there.
    const found = this.#signer.keys();
    const keys = found instanceof Promise ? await found : found;
    const signed = this.#signer.sign(request, { keys, payloadHash });
    if (!this.#gate.enterNow(signal)) await this.#gate.enter(signal);
    try {
      const head = headOf(request, signed, span?.traceparent);
      return await this.#sendOnce(request, head);
    } catch (error) {
      this.#gate.leave();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#pool.close();
  }

  async #sendOnce(request: WireRequest, head: string): Promise<WireAnswer> {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const idle = this.#pool.idle(isRead ? Number.POSITIVE_INFINITY : writeIdleMaxMs);
    if (!idle) return this.#exchange(await this.#connect(request), request, head);
    try {
      return await this.#exchange(idle, request, head);
    } catch (error) {
      const again = isRead && error instanceof NoAnswerError && error.diedIdle && !request.signal?.aborted;
      if (!again) throw error;
      return this.#exchange(await this.#connect(request), request, head);
    }
  }

  async #connect({ signal, cancel }: WireRequest): Promise<Connection> {
    try {
      return await this.#pool.connect(signal, (made) => cancellable(cancel, made));
    } catch (error) {
      throw new NoAnswerError('nothing', signal?.aborted ? signal.reason : error);
    }
  }

  #exchange(connection: Connection, request: WireRequest, head: string): Promise<WireAnswer> {
    const { method, timeoutMs, signal, cancel } = request;
    cancellable(cancel, connection);
    const exchange = new Exchange({
      connection,
      buffers,
      method,
      signal,
      headTimeoutMs: timeoutMs ?? this.#limits.firstHeaderTimeoutMs,
      bodyIdleTimeoutMs: timeoutMs ?? this.#limits.bodyIdleTimeoutMs,
      onDone: (kept) => {
        if (kept) this.#pool.giveBack(connection, kept.idleMs);
        this.#gate.leave();
      },
    });
    return exchange.run(head, request.body);
  }
}

function cancellable(cancel: Cancel | undefined, connection: Connection): void {
  if (!cancel) return;
  cancel.onCancel = () => connection.destroy(new Error('another request has answered first'));
  if (cancel.cancelled) cancel.onCancel();
}

/** What would be read as another header, or is no byte. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;

/** The head of the request, one character per byte. @throws NoAnswerError where HTTP cannot carry it */
function headOf(
  { method, body }: WireRequest,
  { path, headers }: SignedTarget,
  traceparent: string | undefined,
): string {
  const lines = [`${method} ${path} HTTP/1.1`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  // Not signed, as it need not be, and may be changed on the way.
  if (traceparent !== undefined) lines.push(`traceparent: ${traceparent}`);
  if (body || method === 'PUT' || method === 'POST') lines.push(`content-length: ${body?.byteLength ?? 0}`);
  if (lines.some((line) => unsendable.test(line))) {
    const cause = new Error('a header cannot be sent as it is');
    throw new NoAnswerError('nothing', cause, { unsendable: true });
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}
