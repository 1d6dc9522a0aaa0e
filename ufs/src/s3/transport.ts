/**
 * Signed requests to one store over one bounded pool: paths and headers go out byte for byte, answers come
 * back raw and back-pressured. No retries and no meaning here. Bodies that stream go through uploader.ts.
 */
import { emptySha256, sha256Hex } from '@forebay/core/sigv4';
import { Pool } from 'undici';
import { Exchange, type WireAnswer } from './exchange.ts';
import type { Gate } from './gate.ts';
import type { S3Limits } from './limits.ts';
import type { Signer, Target } from './signer.ts';

export interface WireRequest extends Target {
  readonly body?: Uint8Array | undefined;
  /** Instead of the limits of the head and of the body. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TransportOptions {
  readonly origin: string;
  readonly signer: Signer;
  /** Shared with the uploader: the limit is the store's, not the pool's. */
  readonly gate: Gate;
  readonly limits: S3Limits;
}

export class Transport {
  readonly #signer: Signer;
  readonly #gate: Gate;
  readonly #limits: S3Limits;
  readonly #pool: Pool;

  constructor({ origin, signer, gate, limits }: TransportOptions) {
    this.#signer = signer;
    this.#gate = gate;
    this.#limits = limits;
    this.#pool = new Pool(origin, {
      connections: limits.connectionsMax,
      connectTimeout: limits.connectTimeoutMs,
      // Streams that share a connection would share a slow reader's back-pressure too.
      allowH2: false,
      maxHeaderSize: 64 * 1024,
    });
  }

  /**
   * Sends once. The answer's body must be consumed or returned.
   * @throws NoAnswerError, ForebayError overloaded, or the signal's reason before anything was sent.
   */
  async send(request: WireRequest): Promise<WireAnswer> {
    const { method, body, timeoutMs, signal } = request;
    const payloadHash = body ? sha256Hex(body) : emptySha256;
    const keys = await this.#signer.keys();
    const { path, headers } = this.#signer.sign(request, { keys, payloadHash });
    await this.#gate.enter(signal);
    const exchange = new Exchange(signal, () => this.#gate.leave());
    this.#pool.dispatch(
      {
        method,
        path,
        headers: headers.flat(),
        body: body ?? null,
        headersTimeout: timeoutMs ?? this.#limits.firstHeaderTimeoutMs,
        bodyTimeout: timeoutMs ?? this.#limits.bodyIdleTimeoutMs,
        // Else undici closes the connection after every HEAD.
        ...(method === 'HEAD' && { reset: false }),
      },
      exchange,
    );
    return exchange.answer;
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
