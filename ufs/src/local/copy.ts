/** What a copy takes from its source and what from its request (S3-WIRE 93). */
import { type HeaderList, headerValue } from '@forebay/core/object';
import type { UfsCopy } from '../ufs.ts';
import { invalidArgument } from './answers.ts';
import type { ObjectRecord } from './backend.ts';
import { contentHeaders, describeObject, isChecksumHeader } from './object-headers.ts';

/** Headers that make a copy onto itself a change. */
const changes = ['x-amz-storage-class', 'x-amz-website-redirect-location'];

export function isPlainSelfCopy(request: UfsCopy): boolean {
  if (request.key !== request.sourceKey) return false;
  if (isReplaced(request.headers, 'metadata') || isReplaced(request.headers, 'tagging')) return false;
  return !changes.some((name) => headerValue(request.headers, name) !== undefined);
}

/**
 * The record of the copy but for its ETag, which its bytes give: parts and composite checksums do not carry
 * over.
 */
export function copiedRecord(source: ObjectRecord, headers: HeaderList): Omit<ObjectRecord, 'etag'> {
  const content = isReplaced(headers, 'metadata') ? contentHeaders(headers) : contentHeaders(source.headers);
  const tagging = isReplaced(headers, 'tagging') ? headerValue(headers, 'x-amz-tagging') : source.tagging;
  const described = describeObject(content, tagging);
  return { ...described, headers: [...described.headers, ...wholeChecksums(source.headers)] };
}

function wholeChecksums(headers: HeaderList): HeaderList {
  if (headerValue(headers, 'x-amz-checksum-type') === 'COMPOSITE') return [];
  return headers.filter(([name]) => isChecksumHeader(name) || name === 'x-amz-checksum-type');
}

function isReplaced(headers: HeaderList, what: 'metadata' | 'tagging'): boolean {
  const name = `x-amz-${what}-directive`;
  const directive = headerValue(headers, name) ?? 'COPY';
  if (directive !== 'COPY' && directive !== 'REPLACE') {
    throw invalidArgument(`Unknown ${what} directive.`, name, directive);
  }
  return directive === 'REPLACE';
}
