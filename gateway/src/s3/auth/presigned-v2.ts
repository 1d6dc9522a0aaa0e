/**
 * Links presigned with signature version 2, HMAC-SHA1, which boto3 still makes by default (S3-WIRE 35).
 * Only links: the header form is refused. (AWS "Signing and authenticating REST requests", query string
 * alternative.)
 */
import { createHmac } from 'node:crypto';
import type { HeaderList } from '@forebay/core/object';
import { S3Error } from '../errors.ts';
import { subResources } from '../sub-resources.ts';
import { knownCredential, principalOf } from './access-key.ts';
import { unsupportedMechanism } from './authorization-header.ts';
import { checkContentSha256, contentSha256, plainMode } from './content-sha256.ts';
import { isoTime } from './dates.ts';
import { headerValueOf, hoistedHeaders } from './hoisted-headers.ts';
import { equalSignatures, mismatch } from './signature.ts';
import type { AuthDeps, Authenticated, AuthRequest } from './types.ts';

/**
 * Parameters that are part of the resource, and so signed. Every sub-resource is: one that could be added
 * to a link without breaking its signature would make it another operation.
 */
const signedParameters = new Set([
  ...subResources,
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
  'versionId',
]);

export function isPresignedV2({ target }: AuthRequest): boolean {
  return target.query.has('Signature') || target.query.has('AWSAccessKeyId');
}

/** @throws S3Error */
export function authenticatePresignedV2(request: AuthRequest, deps: AuthDeps): Authenticated {
  if (deps.sigv2 === 'off') throw unsupportedMechanism();
  const { query } = request.target;
  const [accessKey, signature, expires] = ['AWSAccessKeyId', 'Signature', 'Expires'].map((name) =>
    query.get(name),
  );
  if (!accessKey || !signature || !expires) {
    throw new S3Error('AccessDenied', {
      message: 'Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters',
    });
  }
  const token = query.get('x-amz-security-token') ?? request.headers.get('x-amz-security-token');
  const user = knownCredential(deps, accessKey, token);
  refuseExpiredAt(expires, deps.clock.wallMs());
  const hash = request.headers.get(contentSha256);
  if (hash !== undefined) checkContentSha256(hash);
  const text = stringToSignV2(request, expires);
  const expected = createHmac('sha1', user.secretKey).update(text, 'latin1').digest('base64');
  if (!equalSignatures(expected, signature)) throw mismatch({ accessKey, signature, stringToSign: text });
  return {
    principal: principalOf(user, accessKey),
    payloadMode: plainMode(hash),
    effectiveHeaders: request.headers.with([...hoistedHeaders(query), ...entityHeaders(request)]),
  };
}

/** @param expires seconds since the epoch */
function refuseExpiredAt(expires: string, nowMs: number): void {
  if (!/^\d{1,12}$/.test(expires)) {
    throw new S3Error('AccessDenied', {
      message: `Invalid date (should be seconds since epoch): ${expires}`,
    });
  }
  const endMs = Number(expires) * 1000;
  if (nowMs < endMs) return;
  throw new S3Error('AccessDenied', {
    message: 'Request has expired',
    fields: { Expires: isoTime(endMs), ServerTime: isoTime(nowMs) },
  });
}

/** One character per byte. */
function stringToSignV2(request: AuthRequest, expires: string): string {
  const entity = new Map(entityHeaders(request));
  const header = (name: string) => request.headers.get(name) ?? entity.get(name) ?? '';
  return [
    request.method,
    header('content-md5'),
    header('content-type'),
    expires,
    `${amzHeaders(request)}${resourceOf(request)}`,
  ].join('\n');
}

/** boto3 keeps in the query what it signed as headers: these two as well as every x-amz-*. */
function entityHeaders({ target }: AuthRequest): HeaderList {
  return ['content-md5', 'content-type'].flatMap((name) => {
    const value = target.query.get(name);
    return value === undefined ? [] : [[name, headerValueOf(name, value)] as const];
  });
}

function amzHeaders({ headers, target }: AuthRequest): string {
  const values = new Map(headers.withPrefix('x-amz-'));
  for (const [parameter, value] of target.query.entries) {
    const name = parameter.toLowerCase();
    if (!name.startsWith('x-amz-')) continue;
    const before = values.get(name);
    const added = headerValueOf(parameter, value);
    // Some send as a header as well what the link carries: it was signed once.
    values.set(name, before === undefined || before === added ? added : `${before},${added}`);
  }
  return [...values.keys()]
    .sort()
    .map((name) => `${name}:${values.get(name)}\n`)
    .join('');
}

/** The path as sent, with the bucket in front where the host named it, and the signed parameters. */
function resourceOf({ target }: AuthRequest): string {
  const bucket = target.virtualHost ? `/${target.bucket}` : '';
  const parameters = target.query.entries
    .filter(([name]) => signedParameters.has(name))
    .map(([name, value]) =>
      value === '' ? name : `${name}=${Buffer.from(value, 'utf8').toString('latin1')}`,
    )
    .sort();
  return `${bucket}${target.rawPath}${parameters.length > 0 ? `?${parameters.join('&')}` : ''}`;
}
