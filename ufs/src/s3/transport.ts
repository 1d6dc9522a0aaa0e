/**
 * Signed requests to one store over one bounded pool: paths and headers go out byte for byte, answers come back
 * raw. No retries and no meaning here.
 */
import { type Clock, systemClock } from '@forebay/core/clock';
import type { HeaderList } from '@forebay/core/object';
import {
  amzDateOf,
  canonicalHeaderValue,
  canonicalQuery,
  canonicalRequest,
  emptySha256,
  hmacSha256Hex,
  SigningKeys,
  sha256Hex,
  stringToSign,
} from '@forebay/core/sigv4';
import { Pool } from 'undici';
import { pathOf, type S3Address } from './address.ts';
import type { KeySource, S3Keys } from './credentials.ts';
import { Exchange, type WireAnswer } from './exchange.ts';
import { Gate } from './gate.ts';
import { requestHeadersOf } from './headers.ts';
import type { S3Limits } from './limits.ts';
import type { WireBody } from './request-body.ts';

export type Query = readonly (readonly [name: string, value: string])[];

export interface WireRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Undefined: the bucket itself. */
  readonly key?: string | undefined;
  readonly query?: Query | undefined;
  readonly headers?: HeaderList | undefined;
  /** Bytes are signed with their hash; streams go out as UNSIGNED-PAYLOAD. */
  readonly body?: Uint8Array | WireBody | undefined;
  /** Name of the trailer that the body ends with, and the size of what it frames. */
  readonly chunked?: { readonly trailerName: string; readonly decodedBytes: number } | undefined;
  /** Instead of the limits of the head and of the body. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TransportOptions {
  readonly address: S3Address;
  readonly region: string;
  readonly keys: KeySource;
  readonly limits: S3Limits;
  readonly clock?: Clock | undefined;
}

export class Transport {
  readonly #address: S3Address;
  readonly #region: string;
  readonly #keys: KeySource;
  readonly #limits: S3Limits;
  readonly #clock: Clock;
  readonly #pool: Pool;
  readonly #gate: Gate;
  readonly #signingKeys = new SigningKeys(8);

  constructor({ address, region, keys, limits, clock }: TransportOptions) {
    this.#address = address;
    this.#region = region;
    this.#keys = keys;
    this.#limits = limits;
    this.#clock = clock ?? systemClock;
    this.#pool = new Pool(address.origin, {
      connections: limits.connectionsMax,
      connectTimeout: limits.connectTimeoutMs,
      // Interleaved streams on one connection would tie a slow reader's back-pressure to everyone else's.
      allowH2: false,
      maxHeaderSize: 64 * 1024,
    });
    this.#gate = new Gate({
      slotsMax: limits.connectionsMax,
      waitersMax: limits.waitersMax,
      waitMs: limits.connectionWaitMs,
    });
  }

  /** Requests that hold a connection. */
  get inFlight(): number {
    return this.#gate.used;
  }

  /**
   * Sends once. The answer's body must be consumed or returned.
   * @throws NoAnswerError, ForebayError overloaded, or the signal's reason before anything was sent.
   */
  async send(request: WireRequest): Promise<WireAnswer> {
    const target = this.#signed(request, await this.#keys());
    await this.#gate.enter(request.signal);
    const { body, timeoutMs } = request;
    const streamed = body instanceof Uint8Array ? undefined : body;
    const exchange = new Exchange({
      body: streamed,
      signal: request.signal,
      onDone: () => this.#gate.leave(),
    });
    this.#pool.dispatch(
      {
        ...target,
        method: request.method,
        // undici takes any iterable as a body; its types know fewer.
        body: (streamed?.pieces ?? body ?? null) as Uint8Array | null,
        headersTimeout: timeoutMs ?? this.#limits.firstHeaderTimeoutMs,
        bodyTimeout: timeoutMs ?? this.#limits.bodyIdleTimeoutMs,
        // Else undici closes the connection after every HEAD.
        ...(request.method === 'HEAD' && { reset: false }),
      },
      exchange,
    );
    return exchange.answer;
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #signed(request: WireRequest, keys: S3Keys | undefined): { path: string; headers: string[] } {
    const { chunked, body } = request;
    const path = pathOf(this.#address, request.key);
    const query = canonicalQuery(request.query ?? []);
    const headers = requestHeadersOf(request.headers ?? []);
    headers.push(['host', this.#address.host], ['accept-encoding', 'identity']);
    if (body && !(body instanceof Uint8Array) && body.contentLength !== undefined) {
      headers.push(['content-length', String(body.contentLength)]);
    }
    if (chunked) {
      // No content-encoding aws-chunked: the mode alone decides (S3-WIRE 53), and some stores keep it as the object's.
      headers.push(['x-amz-trailer', chunked.trailerName]);
      headers.push(['x-amz-decoded-content-length', String(chunked.decodedBytes)]);
    }
    if (keys || chunked) headers.push(['x-amz-content-sha256', payloadHashOf(request)]);
    if (keys) {
      const amzDate = amzDateOf(this.#clock.wallMs());
      headers.push(['x-amz-date', amzDate]);
      if (keys.sessionToken) headers.push(['x-amz-security-token', keys.sessionToken]);
      const target = { method: request.method, path, query, payloadHash: payloadHashOf(request) };
      headers.push(['authorization', this.#authorization(target, { headers, amzDate, keys })]);
    }
    return { path: query === '' ? path : `${path}?${query}`, headers: headers.flat() };
  }

  #authorization(
    target: { method: string; path: string; query: string; payloadHash: string },
    { headers, amzDate, keys }: { headers: HeaderList; amzDate: string; keys: S3Keys },
  ): string {
    const signed = headers
      .filter(([name]) => isSigned(name))
      .map(([name, value]) => [name, canonicalHeaderValue(value)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const date = amzDate.slice(0, 8);
    const scope = `${date}/${this.#region}/s3/aws4_request`;
    const text = stringToSign(amzDate, scope, canonicalRequest({ ...target, headers: signed }));
    const signature = hmacSha256Hex(this.#signingKeys.get(keys.secretAccessKey, date, this.#region), text);
    const names = signed.map(([name]) => name).join(';');
    return `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope},SignedHeaders=${names},Signature=${signature}`;
  }
}

function isSigned(name: string): boolean {
  return name.startsWith('x-amz-') || name === 'host' || name === 'content-type' || name === 'content-md5';
}

function payloadHashOf({ body, chunked }: WireRequest): string {
  if (chunked) return 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
  if (body === undefined) return emptySha256;
  if (body instanceof Uint8Array) return sha256Hex(body);
  return 'UNSIGNED-PAYLOAD';
}
