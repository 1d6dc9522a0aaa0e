/**
 * Signature Version 4 in k6's JavaScript: no Node, no SDK, only k6/crypto. Signs in the Authorization
 * header what the scenarios send: path-style requests.
 */
import { hmac, sha256 } from 'k6/crypto';

const region = 'us-east-1';

export interface Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface Unsigned {
  readonly method: 'GET' | 'HEAD' | 'PUT';
  /** `127.0.0.1:9000` */
  readonly host: string;
  /** `/bucket/key`, decoded. */
  readonly path: string;
  /** Decoded. */
  readonly query?: Readonly<Record<string, string>>;
  /** Lower-case names. Signed along. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ArrayBuffer;
}

/** One key per secret and day: four HMACs saved on every request of a virtual user. */
let derived: { readonly id: string; readonly key: ArrayBuffer } | undefined;

/** Path and query as they must be sent, and all headers but Host, which k6 sets. */
export function signed(
  request: Unsigned,
  credentials: Credentials,
): { path: string; headers: Record<string, string> } {
  const amzDate = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = amzDate.slice(0, 8);
  const path = encodePath(request.path);
  const payloadHash = sha256(request.body ?? '', 'hex');
  const headers: Record<string, string> = {
    ...request.headers,
    'x-amz-content-sha256': payloadHash,
    'x-amz-date': amzDate,
  };
  const signedHeaders: Record<string, string> = { ...headers, host: request.host };
  const names = Object.keys(signedHeaders).sort();
  const lines = names.map((name) => `${name}:${signedHeaders[name]!.trim()}\n`).join('');
  const query = canonicalQuery(request.query ?? {});
  const canonical = [request.method, path, query, lines, names.join(';'), payloadHash].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const toSign = `AWS4-HMAC-SHA256\n${amzDate}\n${scope}\n${sha256(canonical, 'hex')}`;
  const signature = hmac('sha256', signingKey(credentials.secretKey, day), toSign, 'hex');
  headers.authorization =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKey}/${scope}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { path: query === '' ? path : `${path}?${query}`, headers };
}

function signingKey(secretKey: string, day: string): ArrayBuffer {
  const id = `${day}/${secretKey}`;
  if (derived?.id === id) return derived.key;
  const next = (key: string | ArrayBuffer, text: string) => hmac('sha256', key, text, 'binary');
  const key = next(next(next(next(`AWS4${secretKey}`, day), region), 's3'), 'aws4_request');
  derived = { id, key };
  return key;
}

function canonicalQuery(query: Readonly<Record<string, string>>): string {
  const names = Object.keys(query).sort();
  return names.map((name) => `${encode(name)}=${encode(query[name]!)}`).join('&');
}

function encodePath(path: string): string {
  return encode(path).replaceAll('%2F', '/');
}

/** Percent-encodes everything but unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
