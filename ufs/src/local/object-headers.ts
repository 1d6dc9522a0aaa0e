/**
 * Which request headers of a write a local store keeps, which mean nothing to it, and which it must refuse
 * because leaving them out would break a promise to the client (encryption, locks, public access).
 * `x-amz-storage-class` is accepted and left out: a local store has one class, STANDARD.
 */
import type { HeaderList } from '@forebay/core/object';
import { headerValue } from '@forebay/core/object';
import { aclNotSupported, invalidArgument, invalidRequest, notImplemented, tooManyTags } from './answers.ts';
import type { ObjectRecord } from './backend.ts';

export const defaultContentType = 'binary/octet-stream';

const keptHeaders = new Set([
  'content-encoding',
  'content-disposition',
  'content-language',
  'cache-control',
  'expires',
  'x-amz-website-redirect-location',
]);
const harmlessAcls = new Set(['private', 'bucket-owner-full-control']);
const tagsMax = 10;

/** @throws UfsAnswerError NotImplemented or AccessControlListNotSupported */
export function refuseUnsupported(headers: HeaderList): void {
  for (const [name, value] of headers) {
    if (name.startsWith('x-amz-server-side-encryption') || name.startsWith('x-amz-object-lock-')) {
      throw notImplemented(name);
    }
    if (name.startsWith('x-amz-grant-') || (name === 'x-amz-acl' && !harmlessAcls.has(value))) {
      throw aclNotSupported();
    }
  }
}

/** Content headers and user metadata; without checksums and tags. */
export function contentHeaders(headers: HeaderList): HeaderList {
  const kept = headers.filter(([name]) => keptHeaders.has(name) || name.startsWith('x-amz-meta-'));
  return [['content-type', headerValue(headers, 'content-type') || defaultContentType], ...kept];
}

/** Headers and tags of a new object. @throws UfsAnswerError where `x-amz-tagging` is malformed. */
export function describeObject(
  headers: HeaderList,
  tagging = headerValue(headers, 'x-amz-tagging'),
): Pick<ObjectRecord, 'headers' | 'tagging'> {
  const kept = contentHeaders(headers);
  const count = tagging ? countTags(tagging) : 0;
  if (count === 0) return { headers: kept };
  return { headers: [...kept, ['x-amz-tagging-count', String(count)]], tagging };
}

function countTags(tagging: string): number {
  const names = [...new URLSearchParams(tagging).keys()];
  if (names.length > tagsMax) throw tooManyTags();
  if (new Set(names).size < names.length || names.includes('')) {
    throw invalidArgument('The header x-amz-tagging is malformed.', 'x-amz-tagging', tagging);
  }
  return names.length;
}

const xxHashes = ['XXHASH64', 'XXHASH3', 'XXHASH128'];
const wholeAlgorithms = ['CRC32', 'CRC32C', 'CRC64NVME', ...xxHashes];
const uploadAlgorithms = [...wholeAlgorithms, 'SHA1', 'SHA256', 'SHA512', 'MD5'];

/**
 * The checksum that an upload is created with (S3-WIRE 69): CRC64NVME is of the whole object, others are
 * composites unless the client says FULL_OBJECT. @throws UfsAnswerError InvalidRequest
 */
export function checksumKindOf(headers: HeaderList): { checksumAlgorithm?: string; checksumType?: string } {
  const algorithm = headerValue(headers, 'x-amz-checksum-algorithm')?.toUpperCase();
  const asked = headerValue(headers, 'x-amz-checksum-type')?.toUpperCase();
  if (asked !== undefined && asked !== 'COMPOSITE' && asked !== 'FULL_OBJECT') {
    throw invalidRequest('Value for x-amz-checksum-type header is invalid.');
  }
  if (algorithm === undefined) {
    if (asked === undefined) return {};
    throw invalidRequest(
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    );
  }
  if (!uploadAlgorithms.includes(algorithm)) {
    throw invalidRequest(
      'Checksum algorithm provided is unsupported. Please try again with any of the valid types: ' +
        `[${uploadAlgorithms.join(', ')}]`,
    );
  }
  const type = asked ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE');
  const fits = type === 'COMPOSITE' ? algorithm !== 'CRC64NVME' : wholeAlgorithms.includes(algorithm);
  if (fits) return { checksumAlgorithm: algorithm, checksumType: type };
  throw invalidRequest(
    `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
  );
}

const checksumSettings = new Set(['x-amz-checksum-algorithm', 'x-amz-checksum-type', 'x-amz-checksum-mode']);

/** `x-amz-checksum-crc32`, ...: a value, not a setting. */
export function isChecksumHeader(name: string): boolean {
  return name.startsWith('x-amz-checksum-') && !checksumSettings.has(name);
}

/** `x-amz-checksum-crc32` to `ChecksumCRC32`; `x-amz-checksum-type` to `ChecksumType`. */
export function checksumElements(headers: HeaderList): [element: string, value: string][] {
  const elements: [string, string][] = [];
  for (const [name, value] of headers) {
    if (isChecksumHeader(name)) elements.push([`Checksum${algorithmOf(name)}`, value]);
    if (name === 'x-amz-checksum-type') elements.push(['ChecksumType', value]);
  }
  return elements;
}

/** `CRC32` of `x-amz-checksum-crc32`. */
export function algorithmOf(checksumHeader: string): string {
  return checksumHeader.slice('x-amz-checksum-'.length).toUpperCase();
}
