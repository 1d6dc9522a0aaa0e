/** Requests as the bytes that go out: request line and headers, signed (SigV4) where there is a key pair. */
import {
  amzDateOf,
  canonicalQuery,
  canonicalRequest,
  emptySha256,
  hmacSha256Hex,
  SigningKeys,
  stringToSign,
  uriEncodePath,
} from '@forebay/core/sigv4';

const unsignedPayload = 'UNSIGNED-PAYLOAD';

export interface WireTarget {
  /** `http://127.0.0.1:9000` */
  readonly endpoint: string;
  /** Without a key pair requests are anonymous. */
  readonly accessKey?: string | undefined;
  readonly secretKey?: string | undefined;
  /** us-east-1 without it. */
  readonly region?: string | undefined;
}

export interface WireCall {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** `/bucket/key`, decoded. */
  readonly path: string;
  readonly query?: readonly (readonly [name: string, value: string])[] | undefined;
  /** Half-open, in bytes. */
  readonly range?: { readonly start: number; readonly endExclusive: number } | undefined;
  /** A Range header as it stands, in place of `range`. */
  readonly rangeText?: string | undefined;
  readonly bodyBytes?: number | undefined;
  /** Of the body; `UNSIGNED-PAYLOAD` without it. */
  readonly bodySha256?: string | undefined;
}

type Headers = (readonly [name: string, value: string])[];

export class RequestWriter {
  readonly #target: WireTarget;
  readonly #host: string;
  readonly #keys = new SigningKeys();

  constructor(target: WireTarget) {
    this.#target = target;
    this.#host = new URL(target.endpoint).host;
  }

  /** Request line and headers, up to and with the blank line. */
  head(call: WireCall): string {
    const path = uriEncodePath(call.path);
    const query = call.query ? canonicalQuery(call.query) : '';
    const headers: Headers = [['host', this.#host]];
    const range = call.range ? `bytes=${call.range.start}-${call.range.endExclusive - 1}` : call.rangeText;
    if (range !== undefined) headers.push(['range', range]);
    if (this.#target.secretKey) this.#sign(call, { path, query, headers });
    if (call.bodyBytes !== undefined) headers.push(['content-length', String(call.bodyBytes)]);
    let text = `${call.method} ${query === '' ? path : `${path}?${query}`} HTTP/1.1\r\n`;
    for (const [name, value] of headers) text += `${name}: ${value}\r\n`;
    return `${text}\r\n`;
  }

  #sign(call: WireCall, { path, query, headers }: { path: string; query: string; headers: Headers }): void {
    const { accessKey, secretKey = '', region = 'us-east-1' } = this.#target;
    const amzDate = amzDateOf(Date.now());
    const day = amzDate.slice(0, 8);
    const payloadHash = call.bodyBytes === undefined ? emptySha256 : (call.bodySha256 ?? unsignedPayload);
    headers.push(['x-amz-content-sha256', payloadHash], ['x-amz-date', amzDate]);
    const canonical = canonicalRequest({ method: call.method, path, query, headers, payloadHash });
    const scope = `${day}/${region}/s3/aws4_request`;
    const key = this.#keys.get(secretKey, day, region);
    const names = headers.map(([name]) => name).join(';');
    const signature = hmacSha256Hex(key, stringToSign(amzDate, scope, canonical));
    const credential = `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}`;
    headers.push(['authorization', `${credential}, SignedHeaders=${names}, Signature=${signature}`]);
  }
}
