/** Links that carry their signature in the query, as clients make them: signature versions 4 and 2. */
import { createHmac } from 'node:crypto';
import {
  amzDateOf,
  canonicalQuery,
  canonicalRequest,
  hmacSha256Hex,
  SigningKeys,
  stringToSign,
  uriEncode,
  uriEncodePath,
} from '@forebay/core/sigv4';
import type { S3Endpoint } from './servers.ts';

export interface Link {
  readonly method: string;
  /** `/bucket/key`, decoded. */
  readonly path: string;
  readonly expiresInSeconds: number;
  /** Now without it. */
  readonly signedAtMs?: number;
  /** Further parameters, signed along. */
  readonly query?: readonly (readonly [name: string, value: string])[];
  /** Headers that the request must carry, lower-case; Host is always one of them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of UNSIGNED-PAYLOAD. */
  readonly payloadHash?: string;
}

/** Path and query (version 4). */
export function linkV4(server: S3Endpoint, link: Link): string {
  const amzDate = amzDateOf(link.signedAtMs ?? Date.now());
  const day = amzDate.slice(0, 8);
  const scope = `${day}/us-east-1/s3/aws4_request`;
  const headers: Record<string, string> = { ...link.headers, host: new URL(server.endpoint).host };
  const names = Object.keys(headers).sort();
  const query = canonicalQuery([
    ...(link.query ?? []),
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${server.accessKey}/${scope}`],
    ['X-Amz-Date', amzDate],
    ['X-Amz-Expires', String(link.expiresInSeconds)],
    ['X-Amz-SignedHeaders', names.join(';')],
  ]);
  const path = uriEncodePath(link.path);
  const canonical = canonicalRequest({
    method: link.method,
    path,
    query,
    headers: names.map((name) => [name, headers[name]!] as const),
    payloadHash: link.payloadHash ?? 'UNSIGNED-PAYLOAD',
  });
  const key = new SigningKeys().get(server.secretKey, day, 'us-east-1');
  return `${path}?${query}&X-Amz-Signature=${hmacSha256Hex(key, stringToSign(amzDate, scope, canonical))}`;
}

/** Path and query (version 2). Further parameters and headers are not signed along. */
export function linkV2(server: S3Endpoint, link: Link): string {
  const expires = Math.floor((link.signedAtMs ?? Date.now()) / 1000) + link.expiresInSeconds;
  const path = uriEncodePath(link.path);
  const text = `${link.method}\n\n\n${expires}\n${path}`;
  const signature = createHmac('sha1', server.secretKey).update(text).digest('base64');
  return `${path}?AWSAccessKeyId=${server.accessKey}&Expires=${expires}&Signature=${uriEncode(signature)}`;
}
