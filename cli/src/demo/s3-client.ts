/**
 * A small S3 client on node:http that signs its requests (SigV4, header): for the demo and the benchmarks,
 * which measure a server and so want a client that does little. Connections are kept alive and bounded. It
 * never retries: what is measured is what happened.
 */
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import {
  amzDateOf,
  canonicalQuery,
  canonicalRequest,
  emptySha256,
  hmacSha256Hex,
  SigningKeys,
  sha256Hex,
  stringToSign,
  uriEncodePath,
} from '@forebay/core/sigv4';

const region = 'us-east-1';
const idleTimeoutMs = 60_000;

export interface S3Target {
  /** `http://127.0.0.1:9000`; plain HTTP only. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface S3Call {
  readonly method: 'GET' | 'HEAD' | 'PUT';
  /** `/bucket` or `/bucket/key`, decoded. */
  readonly path: string;
  readonly query?: readonly (readonly [name: string, value: string])[];
  /** Half-open, in bytes. */
  readonly range?: { readonly start: number; readonly endExclusive: number };
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
  /** Called with each piece of the answer's body as it arrives. */
  readonly onBytes?: (bytes: Buffer) => void;
}

export interface S3Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly sizeBytes: number;
}

/** The server answered with an error. The message names method, path, status and the S3 code. */
export class S3CallError extends Error {
  readonly status: number;

  constructor(call: S3Call, status: number, body: string) {
    const code = /<Code>([^<]*)<\/Code>/.exec(body)?.[1] ?? 'no error code';
    super(`${call.method} ${call.path} was answered with ${status} ${code}`);
    this.name = 'S3CallError';
    this.status = status;
  }
}

export class SigningS3Client {
  readonly #agent: Agent;
  readonly #target: S3Target;
  readonly #url: URL;
  readonly #keys = new SigningKeys();

  constructor(target: S3Target, { connectionsMax }: { readonly connectionsMax: number }) {
    this.#target = target;
    this.#url = new URL(target.endpoint);
    this.#agent = new Agent({ keepAlive: true, maxSockets: connectionsMax });
  }

  /**
   * @throws S3CallError for an answer of 300 or more, Error where the connection breaks or a body is short.
   */
  send(call: S3Call): Promise<S3Reply> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        agent: this.#agent,
        host: this.#url.hostname,
        port: this.#url.port,
        method: call.method,
        ...this.signed(call),
        timeout: idleTimeoutMs,
        ...(call.signal && { signal: call.signal }),
      });
      outgoing.on('error', reject);
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${idleTimeoutMs} ms`)));
      outgoing.on('response', (incoming) => receive(call, incoming).then(resolve, reject));
      outgoing.end(call.body);
    });
  }

  /** The request target and the headers of a call, for those who send it by themselves. */
  signed(call: S3Call): { path: string; headers: Record<string, string> } {
    const query = canonicalQuery(call.query ?? []);
    const path = uriEncodePath(call.path);
    return { path: query === '' ? path : `${path}?${query}`, headers: this.#headers(call, path, query) };
  }

  close(): void {
    this.#agent.destroy();
  }

  #headers(call: S3Call, path: string, query: string): Record<string, string> {
    const amzDate = amzDateOf(Date.now());
    const day = amzDate.slice(0, 8);
    const payloadHash = call.body ? sha256Hex(call.body) : emptySha256;
    const signed: [string, string][] = [
      ['host', this.#url.host],
      ...(call.range ? [rangeHeader(call.range)] : []),
      ['x-amz-content-sha256', payloadHash],
      ['x-amz-date', amzDate],
    ];
    const canonical = canonicalRequest({ method: call.method, path, query, headers: signed, payloadHash });
    const scope = `${day}/${region}/s3/aws4_request`;
    const key = this.#keys.get(this.#target.secretKey, day, region);
    const signature = hmacSha256Hex(key, stringToSign(amzDate, scope, canonical));
    const names = signed.map(([name]) => name).join(';');
    return {
      ...Object.fromEntries(signed),
      ...(call.body && { 'content-length': String(call.body.length) }),
      authorization:
        `AWS4-HMAC-SHA256 Credential=${this.#target.accessKey}/${scope}, ` +
        `SignedHeaders=${names}, Signature=${signature}`,
    };
  }
}

function rangeHeader({ start, endExclusive }: { start: number; endExclusive: number }): [string, string] {
  return ['range', `bytes=${start}-${endExclusive - 1}`];
}

const errorBodyBytesMax = 4096;

/** The reply once its body has ended. node:http reports a body that ends early as an error. */
function receive(call: S3Call, incoming: IncomingMessage): Promise<S3Reply> {
  return new Promise((resolve, reject) => {
    const status = incoming.statusCode ?? 0;
    const failed = status >= 300;
    let sizeBytes = 0;
    let errorBody = '';
    incoming.on('data', (bytes: Buffer) => {
      sizeBytes += bytes.length;
      if (!failed) call.onBytes?.(bytes);
      else if (errorBody.length < errorBodyBytesMax) errorBody += bytes.toString('latin1');
    });
    incoming.on('error', reject);
    incoming.on('end', () => {
      if (failed) reject(new S3CallError(call, status, errorBody));
      else resolve({ status, headers: incoming.headers, sizeBytes });
    });
  });
}
