/**
 * Headers that a presigned link carries in its query. The signature covers them there, so they count as
 * headers (S3-WIRE 41), but for what concerns the body: SDKs bake checksums of an empty one into links
 * (S3-WIRE 42).
 */
import type { HeaderList } from '@forebay/core/object';
import { trimSpaces } from '@forebay/core/sigv4';
import { S3Error } from '../errors.ts';
import type { Query } from '../types.ts';

const notHeaders = new Set([
  'x-amz-algorithm',
  'x-amz-content-sha256',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-decoded-content-length',
  'x-amz-expires',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-security-token',
  'x-amz-signature',
  'x-amz-signedheaders',
  'x-amz-trailer',
]);
const checksumPrefix = 'x-amz-checksum-';
const notChecksums = new Set(['x-amz-checksum-algorithm', 'x-amz-checksum-mode', 'x-amz-checksum-type']);

/** Values as bytes, one character each, the way headers travel. @throws S3Error InvalidArgument */
export function hoistedHeaders(query: Query): HeaderList {
  const headers: (readonly [name: string, value: string])[] = [];
  for (const [parameter, value] of query.entries) {
    const name = parameter.toLowerCase();
    if (!name.startsWith('x-amz-') || notHeaders.has(name)) continue;
    if (name.startsWith(checksumPrefix) && !notChecksums.has(name)) continue;
    headers.push([name, headerValueOf(parameter, value)]);
  }
  return headers;
}

/** @throws S3Error InvalidArgument for what no header can hold */
export function headerValueOf(parameter: string, value: string): string {
  if (/^[\w!#$%&'*+.^`|~-]+$/.test(parameter) && !/(?!\t)\p{Cc}/u.test(value)) {
    return Buffer.from(trimSpaces(value), 'utf8').toString('latin1');
  }
  throw new S3Error('InvalidArgument', {
    message: 'Header value cannot be represented.',
    fields: { ArgumentName: parameter, ArgumentValue: value },
  });
}
