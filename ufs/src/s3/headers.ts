/** Which headers are the object's, which are one answer's, and which the driver alone may send. */
import type { HeaderList } from '@forebay/core/object';

/** What the object says of itself beside `x-amz-*` (S3-WIRE 74). */
const objectHeaders = new Set([
  'content-type',
  'content-encoding',
  'content-disposition',
  'content-language',
  'cache-control',
  'expires',
]);

/** `x-amz-*` headers that belong to one answer. */
const answerHeaders = new Set([
  'x-amz-request-id',
  'x-amz-id-2',
  'x-amz-cf-id',
  'x-amz-request-charged',
  'x-amz-mp-parts-count',
  'x-amz-bucket-region',
]);

/** Headers of the connection or of the server, never of an answer that goes on to a client. */
const hopHeaders = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'transfer-encoding',
  'trailer',
  'upgrade',
  'date',
  'server',
]);

/** The transport sets these; what a caller says of them is left out. */
const driverHeaders = new Set([
  ...hopHeaders,
  'host',
  'te',
  'expect',
  'accept-encoding',
  'content-length',
  'authorization',
  'x-amz-date',
  'x-amz-content-sha256',
  'x-amz-security-token',
  'x-amz-decoded-content-length',
  'x-amz-trailer',
]);

/** Headers of `ObjectInfo`. A ranged answer never carries the whole object's checksums (S3-WIRE 68). */
export function objectHeadersOf(headers: HeaderList, ranged: boolean): HeaderList {
  return headers.filter(
    ([name]) =>
      objectHeaders.has(name) ||
      (isAmz(name) && !answerHeaders.has(name) && !(ranged && name.startsWith('x-amz-checksum-'))),
  );
}

/** Headers of `UfsWritten`: also whether the requester pays for it. */
export function writtenHeadersOf(headers: HeaderList): HeaderList {
  return headers.filter(
    ([name]) =>
      name === 'etag' || name === 'x-amz-request-charged' || (isAmz(name) && !answerHeaders.has(name)),
  );
}

const errorHeaders = new Set(['etag', 'last-modified', 'allow', 'retry-after', 'content-range']);

/** What a client must see with an error or a 304: delete markers, regions, what is allowed. */
export function errorHeadersOf(headers: HeaderList): HeaderList {
  return headers.filter(
    ([name]) =>
      errorHeaders.has(name) || name === 'x-amz-bucket-region' || (isAmz(name) && !answerHeaders.has(name)),
  );
}

/** What an answer says of the bytes in it. */
const readHeaders = new Set(['etag', 'last-modified', 'accept-ranges', 'content-length', 'content-range']);

/** An answer that goes on as it is: what S3 says, and not what servers and caches on the way add to it. */
export function passedHeadersOf(headers: HeaderList): HeaderList {
  return headers.filter(
    ([name]) =>
      readHeaders.has(name) ||
      objectHeaders.has(name) ||
      (isAmz(name) && name !== 'x-amz-request-id' && name !== 'x-amz-id-2'),
  );
}

/** Repeated names become one, joined by `,` (S3-WIRE 16), so that what is signed is what is sent. */
export function requestHeadersOf(headers: HeaderList): [name: string, value: string][] {
  const joined = new Map<string, string>();
  for (const [name, value] of headers) {
    if (driverHeaders.has(name)) continue;
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before},${value}`);
  }
  return [...joined];
}

function isAmz(name: string): boolean {
  return name.startsWith('x-amz-');
}
