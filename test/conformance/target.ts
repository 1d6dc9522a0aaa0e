/** One endpoint of one bucket, as a probe sees it: calls, and the judgement of answers. */
import { isDeepStrictEqual } from 'node:util';
import { chunkedBody } from '@forebay/gateway/testing/chunked-body';
import { type Link, linkV2, linkV4 } from '../support/presigned.ts';
import type { S3Endpoint } from '../support/servers.ts';
import {
  type SignedCall,
  signCall,
  type WireCall,
  WireClient,
  type WireReply,
} from '../support/wire-client.ts';
import { Mismatch } from './check.ts';
import { rawExchange } from './raw.ts';

export interface CallOptions {
  /** As in a URL, decoded per value: `uploads&prefix=a`. */
  readonly query?: string | undefined;
  /** Lower-case names, signed along. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  /** Instead of the SHA-256 of the body. */
  readonly payloadHash?: string | undefined;
  readonly signedAtMs?: number | undefined;
  readonly region?: string | undefined;
}

/** `200`, `404 NoSuchKey`, or more. A header of `undefined` must be absent. */
export type Want = number | string | WantDetail;

export interface WantDetail {
  readonly is: number | string;
  readonly headers?: Readonly<Record<string, string | RegExp | undefined>>;
  readonly body?: string | Uint8Array | RegExp | readonly RegExp[];
  /** Must not occur in the body. */
  readonly without?: RegExp;
}

export interface ChunkedOptions extends CallOptions {
  readonly chunks: readonly string[];
  readonly mode:
    | 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
    | 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
    | 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
  readonly trailers?: readonly (readonly [name: string, value: string])[];
  /** Spoils the framed body after it was signed. */
  readonly spoil?: (framed: string) => string;
}

export interface TargetPlace {
  readonly server: S3Endpoint;
  readonly bucket: string;
  /** Where this probe keeps its keys. */
  readonly prefix: string;
  /** The buckets and mounts around it. */
  readonly world: World;
}

/** What the column offers beside the bucket; a probe of the UFS alone has no Forebay. */
export interface World {
  /** `/bucket` read by anybody, and a key in it; undefined at the UFS itself. */
  readonly openBucket: string | undefined;
  /** A mount whose UFS cannot be reached; undefined at the UFS itself. */
  readonly goneBucket: string | undefined;
  /** Base domain of virtual hosts; undefined where none is set. */
  readonly domain: string | undefined;
  /** A second bucket, at another store where there is one. */
  readonly otherBucket: string;
  /** The store is a directory, which cannot be unreachable but only absent. */
  readonly isDirectory: boolean;
  /** A bucket that is not there yet. */
  readonly freshBucket: string;
}

export class Target {
  readonly server: S3Endpoint;
  readonly bucket: string;
  readonly world: World;
  readonly wire: WireClient;
  readonly #prefix: string;
  #step = 0;

  constructor({ server, bucket, prefix, world }: TargetPlace) {
    this.server = server;
    this.bucket = bucket;
    this.world = world;
    this.#prefix = prefix;
    this.wire = new WireClient(server);
  }

  /** A key of this probe's own. */
  key(name: string): string {
    return this.#prefix + name;
  }

  /** `/bucket/key`, decoded; the bucket alone without a name. */
  path(name?: string): string {
    return name === undefined ? `/${this.bucket}` : `/${this.bucket}/${this.key(name)}`;
  }

  wireCall(method: string, path: string, options: CallOptions = {}): WireCall {
    const { query, body, ...rest } = options;
    const call: Record<string, unknown> = { method, path, ...rest };
    if (query !== undefined) call.query = queryOf(query);
    if (body !== undefined) call.body = Buffer.from(body as string);
    for (const name of Object.keys(call)) if (call[name] === undefined) delete call[name];
    return call as unknown as WireCall;
  }

  sign(method: string, name: string | undefined, options: CallOptions = {}): SignedCall {
    return signCall(this.server, this.wireCall(method, this.path(name), options));
  }

  /** Signed, to an object of this probe. */
  object(method: string, name: string, options: CallOptions = {}): Promise<WireReply> {
    return this.wire.send(this.wireCall(method, this.path(name), options));
  }

  /** Signed, to the bucket. */
  ofBucket(method: string, options: CallOptions = {}): Promise<WireReply> {
    return this.wire.send(this.wireCall(method, this.path(), options));
  }

  /** Signed, to any decoded path. */
  at(method: string, path: string, options: CallOptions = {}): Promise<WireReply> {
    return this.wire.send(this.wireCall(method, path, options));
  }

  sendSigned(signed: SignedCall, body?: string | Uint8Array): Promise<WireReply> {
    return this.wire.sendSigned(signed, body === undefined ? undefined : Buffer.from(body as string));
  }

  /** Nothing but these headers. `target` is what goes on the wire. */
  unsigned(
    method: string,
    target: string,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string } = {},
  ): Promise<WireReply> {
    const host = new URL(this.server.endpoint).host;
    const length = options.body === undefined ? {} : { 'content-length': String(options.body.length) };
    return this.sendSigned(
      {
        ...signCall(this.server, { method, path: '/' }),
        target,
        headers: { host, ...length, ...options.headers },
      },
      options.body,
    );
  }

  /** Bytes to a socket of its own, and the first answer. `head`: no body follows it. */
  raw(text: string | Uint8Array, options: { readonly head?: boolean } = {}): Promise<WireReply> {
    return rawExchange(this.server, text, options);
  }

  link(link: Omit<Link, 'path' | 'method'> & { method?: string; name?: string }): string {
    return linkV4(this.server, { method: 'GET', ...link, path: this.path(link.name) });
  }

  linkV2(link: Omit<Link, 'path' | 'method'> & { method?: string; name?: string }): string {
    return linkV2(this.server, { method: 'GET', ...link, path: this.path(link.name) });
  }

  /** PUT of an object in the aws-chunked framing. */
  chunked(name: string, options: ChunkedOptions): Promise<WireReply> {
    const { chunks, mode, trailers = [], spoil = (framed) => framed, ...rest } = options;
    const decoded = chunks.reduce((sum, chunk) => sum + Buffer.byteLength(chunk), 0);
    const isSigned = mode.startsWith('STREAMING-AWS4');
    const frame = (signing: SignedCall['signing']) =>
      chunkedBody({
        chunks: chunks.filter((chunk) => chunk !== '').map((chunk) => Buffer.from(chunk)),
        signing: isSigned ? signing : undefined,
        trailers,
        trailer: mode.endsWith('TRAILER'),
      });
    const shape = (framed: Buffer) => Buffer.from(spoil(framed.toString('latin1')), 'latin1');
    // Every signature has the same length, so any seed tells how long the body will be.
    const length = shape(frame({ ...this.sign('GET', name).signing })).length;
    const trailerNames = trailers.map(([trailer]) => trailer).join(',');
    const headers = {
      'content-length': String(length),
      'x-amz-decoded-content-length': String(decoded),
      ...(trailers.length > 0 && { 'x-amz-trailer': trailerNames }),
      ...rest.headers,
    };
    const signed = this.sign('PUT', name, { ...rest, headers: withoutEmpty(headers), payloadHash: mode });
    return this.sendSigned(signed, shape(frame(signed.signing)));
  }

  // ---- judgement

  /** @throws Mismatch unless the answer is as wanted; gives it back. */
  is(reply: WireReply, want: Want): WireReply {
    const detail = typeof want === 'object' ? want : { is: want };
    const [status, code] = String(detail.is).split(' ');
    const observed = reply.code === undefined ? String(reply.status) : `${reply.status} ${reply.code}`;
    const isOther = reply.status !== Number(status) || (code !== undefined && reply.code !== code);
    const wrong = isOther ? observed : (wrongHeader(reply, detail.headers ?? {}) ?? wrongBody(reply, detail));
    if (wrong !== undefined) {
      const said = reply.body.toString('latin1').slice(0, 600);
      const note = isOther ? `${observed} instead of ${detail.is}` : wrong;
      const text = `wanted ${describe(detail)}, got ${observed} ${wrong}: ${said}`;
      throw new Mismatch(this.#step, { observed: wrong, note }, text);
    }
    this.#step += 1;
    return reply;
  }

  /** A fact of another kind. @throws Mismatch */
  same(what: string, actual: unknown, wanted: unknown): void {
    if (!isDeepStrictEqual(actual, wanted)) {
      const detail = `${what}: wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(actual)}`;
      throw new Mismatch(this.#step, { observed: what }, detail.slice(0, 1000));
    }
    this.#step += 1;
  }

  /** PUT of an object that must succeed. */
  async put(name: string, body: string | Uint8Array = name, options: CallOptions = {}): Promise<WireReply> {
    return this.is(await this.object('PUT', name, { ...options, body }), 200);
  }

  close(): void {
    this.wire.close();
  }
}

function queryOf(query: string): (readonly [string, string])[] {
  return query.split('&').map((pair) => {
    const at = pair.indexOf('=');
    const decode = (text: string) => decodeURIComponent(text);
    return at < 0 ? [decode(pair), ''] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
  });
}

/** A header given as an empty string by the caller is left out: how a probe takes back a default. */
function withoutEmpty(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''));
}

function wrongHeader(reply: WireReply, wanted: NonNullable<WantDetail['headers']>): string | undefined {
  for (const [name, want] of Object.entries(wanted)) {
    const value = reply.headers[name];
    const text = value === undefined ? undefined : String(value);
    if (want === undefined ? text !== undefined : text === undefined) {
      return text === undefined ? `without ${name}` : `with ${name}`;
    }
    const fits = want instanceof RegExp ? want.test(text!) : want === text;
    if (!fits) return `another ${name}`;
  }
  return undefined;
}

function wrongBody(reply: WireReply, { body, without }: WantDetail): string | undefined {
  const text = reply.body.toString('utf8');
  if (body instanceof Uint8Array || typeof body === 'string') {
    if (!reply.body.equals(Buffer.from(body as string))) return 'another body';
  } else if (body !== undefined) {
    const missing = [body].flat().find((one) => !(one as RegExp).test(text));
    if (missing) return `${reply.status}, document lacks \`${missingName(missing as RegExp)}\``;
  }
  return without?.test(text) ? `${reply.status}, document holds \`${missingName(without)}\`` : undefined;
}

/** The element that an expression looks for, or the expression. */
function missingName(pattern: RegExp): string {
  return /<(\w+)/.exec(pattern.source)?.[1] ?? pattern.source.replaceAll('|', '\\|').slice(0, 40);
}

function describe({ is, headers, body }: WantDetail): string {
  const names = Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`);
  const text = body instanceof Uint8Array ? `${body.length} bytes` : String(body ?? '');
  return [String(is), ...names, text.slice(0, 200)].join(' ');
}
