/**
 * Request headers that go on to the UFS with a write, and the limits on them. What belongs to one connection
 * or to the client's own signature never does (S3-WIRE 60, 126).
 */
import type { HeaderList } from '@forebay/core/object';
import { S3Error } from '../errors.ts';
import type { RequestHeaders } from '../types.ts';

type Headers = Pick<RequestHeaders, 'get' | 'withPrefix'>;

const storedNames = [
  'content-type',
  'content-language',
  'content-disposition',
  'cache-control',
  'expires',
  'x-amz-website-redirect-location',
];
const policyNames = [
  'x-amz-acl',
  'x-amz-storage-class',
  'x-amz-tagging',
  'x-amz-expected-bucket-owner',
  'x-amz-request-payer',
];
const policyPrefixes = ['x-amz-grant-', 'x-amz-server-side-encryption', 'x-amz-object-lock-'];
const conditionNames = ['if-match', 'if-none-match'];

const metadataBytesMax = 2048;
const metadataPrefix = 'x-amz-meta-';

/** What is stored with the object and comes back on reads. @throws S3Error MetadataTooLarge */
export function storedHeaders(headers: Headers): HeaderList {
  const metadata = headers.withPrefix(metadataPrefix);
  refuseTooMuchMetadata(metadata);
  return [...named(headers, storedNames), ...contentEncoding(headers), ...metadata];
}

/** ACL, storage class, encryption, tags, locks: the UFS's to judge. */
export function policyHeaders(headers: Headers): HeaderList {
  return [...named(headers, policyNames), ...prefixed(headers, policyPrefixes)];
}

/**
 * Checksums of the decoded body, and Content-MD5. The algorithm that an SDK names only for a trailer is not
 * stored.
 */
export function checksumHeaders(headers: Headers): HeaderList {
  return [
    ...named(headers, ['content-md5']),
    ...headers.withPrefix('x-amz-checksum-').filter(([name]) => name !== 'x-amz-checksum-mode'),
  ];
}

/** @throws S3Error NotImplemented for what S3 does not do either (S3-WIRE 88) */
export function writeConditionHeaders(headers: Headers): HeaderList {
  const ifNoneMatch = headers.get('if-none-match');
  if (ifNoneMatch !== undefined && (ifNoneMatch !== '*' || headers.get('if-match') !== undefined)) {
    throw new S3Error('NotImplemented', { fields: { Header: 'If-None-Match' } });
  }
  return named(headers, conditionNames);
}

/** All of PutObject's. */
export function putHeaders(headers: Headers): HeaderList {
  return [
    ...storedHeaders(headers),
    ...policyHeaders(headers),
    ...checksumHeaders(headers),
    ...writeConditionHeaders(headers),
  ];
}

/** Who pays the store for the request (S3-WIRE 126). */
export function payerHeaders(headers: Headers): HeaderList {
  return named(headers, ['x-amz-request-payer']);
}

export function named(headers: Headers, names: readonly string[]): HeaderList {
  return names.flatMap((name) => {
    const value = headers.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
}

export function prefixed(headers: Headers, prefixes: readonly string[]): HeaderList {
  return prefixes.flatMap((prefix) => headers.withPrefix(prefix));
}

/** `aws-chunked` is framing, not encoding, in the STREAMING modes, and only there (S3-WIRE 53, 55). */
function contentEncoding(headers: Headers): HeaderList {
  const value = headers.get('content-encoding');
  if (value === undefined) return [];
  if (!headers.get('x-amz-content-sha256')?.startsWith('STREAMING-')) return [['content-encoding', value]];
  const kept = value.split(',').filter((coding) => coding.trim().toLowerCase() !== 'aws-chunked');
  const text = kept.join(',').trim();
  return text === '' ? [] : [['content-encoding', text]];
}

function refuseTooMuchMetadata(metadata: HeaderList): void {
  let sizeBytes = 0;
  for (const [name, value] of metadata) sizeBytes += name.length - metadataPrefix.length + value.length;
  if (sizeBytes <= metadataBytesMax) return;
  throw new S3Error('MetadataTooLarge', {
    fields: { Size: String(sizeBytes), MaxSizeAllowed: String(metadataBytesMax) },
  });
}
