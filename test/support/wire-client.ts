/**
 * An S3 client for tests that want the wire as it is: answers whole or cut, bodies read at the test's own
 * pace, signatures that a test may spoil after they were made. It never retries and checks nothing.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request as sendRequest } from 'node:http';
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
  uriEncodePath,
} from '@forebay/core/sigv4';
import type { S3Endpoint } from './servers.ts';

export interface WireCall {
  /** GET without it. */
  readonly method?: string;
  /** `/bucket/key`, decoded. */
  readonly path: string;
  readonly query?: readonly (readonly [name: string, value: string])[];
  /** Lower-case names. Signed along. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Instead of the SHA-256 of the body. */
  readonly payloadHash?: string;
  /** Wall clock of the signature; now without it. */
  readonly signedAtMs?: number;
  /** Of the credential scope; us-east-1 without it. */
  readonly region?: string;
}

/** What goes on the wire, and what chunk signatures are chained from. */
export interface SignedCall {
  readonly method: string;
  /** Encoded path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signing: {
    readonly signingKey: Buffer;
    readonly amzDate: string;
    readonly scope: string;
    readonly seedSignature: string;
    readonly accessKey: string;
  };
}

export interface WireReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The connection ended before the body did. */
  readonly isCut: boolean;
  /** `<Code>` of an error document. */
  readonly code: string | undefined;
}

const keys = new SigningKeys();

/** Signs every header it sends (SigV4, Authorization header). */
export function signCall(server: S3Endpoint, call: WireCall): SignedCall {
  const { method = 'GET', body, payloadHash = body ? sha256Hex(body) : emptySha256 } = call;
  const { region = 'us-east-1' } = call;
  const amzDate = amzDateOf(call.signedAtMs ?? Date.now());
  const day = amzDate.slice(0, 8);
  const headers: Record<string, string> = {
    ...(body && { 'content-length': String(body.byteLength) }),
    host: new URL(server.endpoint).host,
    ...call.headers,
    'x-amz-content-sha256': payloadHash,
    'x-amz-date': amzDate,
  };
  const path = uriEncodePath(call.path);
  const query = canonicalQuery(call.query ?? []);
  const names = Object.keys(headers).sort();
  const canonical = canonicalRequest({
    method,
    path,
    query,
    headers: names.map((name) => [name, canonicalHeaderValue(headers[name]!)] as const),
    payloadHash,
  });
  const scope = `${day}/${region}/s3/aws4_request`;
  const signingKey = keys.get(server.secretKey, day, region);
  const seedSignature = hmacSha256Hex(signingKey, stringToSign(amzDate, scope, canonical));
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${server.accessKey}/${scope}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${seedSignature}`;
  return {
    method,
    target: query === '' ? path : `${path}?${query}`,
    headers: { ...headers, authorization },
    signing: { signingKey, amzDate, scope, seedSignature, accessKey: server.accessKey },
  };
}

export class WireClient {
  readonly #server: S3Endpoint;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(server: S3Endpoint) {
    this.#server = server;
  }

  /**
   * Resolves with the head; the body is the caller's to read. @throws Error where the connection breaks
   * first
   */
  start(call: WireCall, signal?: AbortSignal): Promise<IncomingMessage> {
    return this.startSigned(signCall(this.#server, call), call.body, signal);
  }

  async startSigned(signed: SignedCall, body?: Uint8Array, signal?: AbortSignal): Promise<IncomingMessage> {
    const { hostname: host, port } = new URL(this.#server.endpoint);
    const { method, target: path, headers } = signed;
    const request = sendRequest({
      ...{ host, port, method, path, headers, agent: this.#agent },
      ...(signal && { signal }),
    });
    const answered = once(request, 'response');
    // A server that refuses a body closes while it is still being sent: its answer is there all the same.
    request.on('error', () => undefined);
    request.end(body);
    const [message] = (await answered) as [IncomingMessage];
    return message;
  }

  async send(call: WireCall): Promise<WireReply> {
    return replyOf(await this.start(call));
  }

  /** @throws Error where no answer, or no end of it, comes in time: a request that hangs is said to. */
  async sendWithin(timeoutMs: number, call: WireCall): Promise<WireReply> {
    const signal = AbortSignal.timeout(timeoutMs);
    const hung = () => new Error(`${call.method ?? 'GET'} ${call.path} hung for ${timeoutMs} ms`);
    try {
      const reply = await replyOf(await this.start(call, signal));
      if (signal.aborted) throw hung();
      return reply;
    } catch (error) {
      throw signal.aborted ? hung() : error;
    }
  }

  async sendSigned(signed: SignedCall, body?: Uint8Array): Promise<WireReply> {
    return replyOf(await this.startSigned(signed, body));
  }

  /** @throws Error unless the answer is a whole success */
  async put(path: string, body: Uint8Array): Promise<WireReply> {
    const reply = await this.send({ method: 'PUT', path, body });
    if (reply.status !== 200) throw new Error(`PUT ${path} was answered with ${reply.status} ${reply.code}`);
    return reply;
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function replyOf(message: IncomingMessage): Promise<WireReply> {
  const pieces: Buffer[] = [];
  const isCut = await drain(message, (bytes) => pieces.push(bytes));
  const body = Buffer.concat(pieces);
  const { statusCode: status = 0, headers } = message;
  const code = status >= 300 ? /<Code>([^<]*)<\/Code>/.exec(body.toString('latin1'))?.[1] : undefined;
  return { status, headers, body, isCut, code };
}

/** SHA-256 and length of a body that is too large, or too many, to keep. */
export async function digestOf(
  message: IncomingMessage,
): Promise<{ sha256: string; sizeBytes: number; isCut: boolean }> {
  const digest = createHash('sha256');
  let sizeBytes = 0;
  const isCut = await drain(message, (bytes) => {
    digest.update(bytes);
    sizeBytes += bytes.length;
  });
  return { sha256: digest.digest('hex'), sizeBytes, isCut };
}

async function drain(message: IncomingMessage, onBytes: (bytes: Buffer) => void): Promise<boolean> {
  try {
    for await (const bytes of message as AsyncIterable<Buffer>) onBytes(bytes);
    return false;
  } catch {
    return true;
  }
}

/** The `Range` header of a half-open range. */
export function rangeHeader(start: number, endExclusive: number): { readonly range: string } {
  return { range: `bytes=${start}-${endExclusive - 1}` };
}
