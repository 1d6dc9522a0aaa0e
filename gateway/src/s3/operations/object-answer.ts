/**
 * Answers of GET and HEAD on an object: status and headers from what the cache node opened (S3-WIRE 68,
 * 74-87).
 */
import type { OpenedObject } from '@forebay/core/cache-node';
import { type HeaderList, headerValue, type ObjectInfo } from '@forebay/core/object';
import { S3Error } from '../errors.ts';
import type { S3Answer, S3Request } from '../types.ts';
import type { Override } from './response-overrides.ts';

type Header = readonly [name: string, value: string];

/** `x-cache` and what else says how the answer came (DESIGN §6). */
export function cacheHeaders(answered: {
  readonly cache: string;
  readonly nodeId: string;
  readonly ageMs?: number;
  readonly pages?: { readonly hit: number; readonly total: number };
}): Header[] {
  const headers: Header[] = [
    ['x-cache', answered.cache],
    ['x-forebay-node', answered.nodeId],
  ];
  const { pages, ageMs } = answered;
  if (pages) headers.push(['x-forebay-pages', `${pages.hit}/${pages.total}`]);
  if (ageMs !== undefined) headers.push(['age', String(Math.max(0, Math.floor(ageMs / 1000)))]);
  return headers;
}

/** @throws S3Error PreconditionFailed, InvalidRange: then there is no body to return */
export function openedAnswer(
  request: S3Request,
  opened: OpenedObject,
  overrides: readonly Override[],
): S3Answer {
  const { info, range, cache } = opened;
  const how = cacheHeaders(opened);
  if (opened.condition === 'not-modified') {
    return { status: 304, headers: [...how, ...notModifiedHeaders(info)], cache };
  }
  if (opened.condition !== 'met') {
    throw new S3Error('PreconditionFailed', { fields: { Condition: opened.condition.failed }, headers: how });
  }
  if (range === 'unsatisfiable') {
    throw new S3Error('InvalidRange', {
      fields: {
        RangeRequested: request.headers.get('range') ?? '',
        ActualObjectSize: String(info.sizeBytes),
      },
      headers: [...how, ['content-range', `bytes */${info.sizeBytes}`]],
    });
  }
  const withChecksums = opened.whole && wantsChecksums(request) && info.checksumsKnown;
  how.push(['content-length', String(range.endExclusive - range.start)]);
  if (!opened.whole) {
    how.push(['content-range', `bytes ${range.start}-${range.endExclusive - 1}/${info.sizeBytes}`]);
  }
  const status = opened.whole ? 200 : 206;
  const sharedHeaders =
    overrides.length === 0
      ? knownHeaders(info, withChecksums)
      : objectHeaders(info, { overrides, withChecksums });
  return { status, headers: how, sharedHeaders, body: opened.body, cache };
}

/** By info, which never changes. */
const plainHeaders = new WeakMap<ObjectInfo, HeaderList>();
const checksumHeaders = new WeakMap<ObjectInfo, HeaderList>();

/** `objectHeaders` as they mostly are, made once. */
function knownHeaders(info: ObjectInfo, withChecksums: boolean): HeaderList {
  const made = withChecksums ? checksumHeaders : plainHeaders;
  let headers = made.get(info);
  if (!headers) {
    headers = objectHeaders(info, { overrides: [], withChecksums });
    made.set(info, headers);
  }
  return headers;
}

export function wantsChecksums(request: S3Request): boolean {
  return request.headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
}

function objectHeaders(
  info: ObjectInfo,
  options: { readonly overrides: readonly Override[]; readonly withChecksums: boolean },
): Header[] {
  const replaced = new Set(options.overrides.map(([name]) => name));
  const headers: Header[] = [
    ['accept-ranges', 'bytes'],
    ['last-modified', new Date(info.lastModifiedMs).toUTCString()],
  ];
  if (info.etag !== undefined) headers.push(['etag', quotedEtag(info.etag)]);
  for (const header of info.headers) {
    const [name, value] = header;
    if (replaced.has(name) || (!options.withChecksums && name.startsWith('x-amz-checksum-'))) continue;
    if (name === 'x-amz-storage-class' && value === 'STANDARD') continue;
    headers.push(header);
  }
  headers.push(...options.overrides);
  if (headerValue(headers, 'content-type') === undefined) {
    headers.push(['content-type', 'binary/octet-stream']);
  }
  return headers;
}

const keptOnNotModified = new Set(['cache-control', 'expires', 'x-amz-version-id']);

function notModifiedHeaders(info: ObjectInfo): HeaderList {
  const headers: Header[] = [['last-modified', new Date(info.lastModifiedMs).toUTCString()]];
  if (info.etag !== undefined) headers.push(['etag', quotedEtag(info.etag)]);
  headers.push(...info.headers.filter(([name]) => keptOnNotModified.has(name)));
  return headers;
}

/** Some stores forget the quotes; clients compare with them (S3-WIRE 74). */
export function quotedEtag(etag: string): string {
  return etag.startsWith('"') || etag.startsWith('W/') ? etag : `"${etag}"`;
}
