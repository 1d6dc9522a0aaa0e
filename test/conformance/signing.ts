/** A signature over exactly what a probe lists, however odd, and not over what is sent. */
import {
  amzDateOf,
  canonicalHeaderValue,
  canonicalQuery,
  canonicalRequest,
  emptySha256,
  hmacSha256Hex,
  SigningKeys,
  stringToSign,
  uriEncodePath,
} from '@forebay/core/sigv4';
import type { S3Endpoint } from '../support/servers.ts';
import type { SignedCall } from '../support/wire-client.ts';

export interface OddCall {
  readonly method?: string;
  /** Decoded. */
  readonly path: string;
  readonly query?: readonly (readonly [name: string, value: string])[];
  /** What is signed; Host is added where it is missing. Lower-case names. */
  readonly signed?: Readonly<Record<string, string>>;
  /** What is sent beside or instead of it; a header of `undefined` is signed and not sent. */
  readonly sent?: Readonly<Record<string, string | undefined>>;
  readonly payloadHash?: string;
  readonly amzDate?: string;
  readonly region?: string;
}

/** Neither x-amz-date nor x-amz-content-sha256 is added: what is not listed is not there. */
export function signOdd(server: S3Endpoint, call: OddCall): SignedCall {
  const { method = 'GET', payloadHash = emptySha256, region = 'us-east-1' } = call;
  const amzDate = call.amzDate ?? amzDateOf(Date.now());
  const headers: Record<string, string> = { host: new URL(server.endpoint).host, ...call.signed };
  const names = Object.keys(headers).sort();
  const path = uriEncodePath(call.path);
  const query = canonicalQuery(call.query ?? []);
  const canonical = canonicalRequest({
    method,
    path,
    query,
    headers: names.map((name) => [name, canonicalHeaderValue(headers[name]!)] as const),
    payloadHash,
  });
  const day = amzDate.slice(0, 8);
  const scope = `${day}/${region}/s3/aws4_request`;
  const signingKey = new SigningKeys().get(server.secretKey, day, region);
  const seedSignature = hmacSha256Hex(signingKey, stringToSign(amzDate, scope, canonical));
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${server.accessKey}/${scope}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${seedSignature}`;
  const all = Object.entries({ ...headers, ...call.sent, authorization });
  return {
    method,
    target: query === '' ? path : `${path}?${query}`,
    headers: Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined)),
    signing: { signingKey, amzDate, scope, seedSignature, accessKey: server.accessKey },
  };
}

/** The two headers that every signed request carries. */
export function usualHeaders(payloadHash = emptySha256): Record<string, string> {
  return { 'x-amz-date': amzDateOf(Date.now()), 'x-amz-content-sha256': payloadHash };
}
