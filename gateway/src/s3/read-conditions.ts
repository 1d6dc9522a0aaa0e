/**
 * The headers of conditional reads (S3-WIRE 86; RFC 9110 §13.1). A date that cannot be read counts as
 * absent.
 */
import type { OpenRequest } from '@forebay/core/cache-node';
import type { ReadConditions } from '@forebay/core/conditions';
import { parseHttpDate } from './http-date.ts';
import type { RequestHeaders } from './types.ts';

export function parseReadConditions(headers: RequestHeaders): ReadConditions | undefined {
  const ifMatch = headers.get('if-match');
  const ifNoneMatch = headers.get('if-none-match');
  const ifModifiedSince = headers.get('if-modified-since');
  const ifUnmodifiedSince = headers.get('if-unmodified-since');
  if ((ifMatch ?? ifNoneMatch ?? ifModifiedSince ?? ifUnmodifiedSince) === undefined) return undefined;
  const ifModifiedSinceMs = parseHttpDate(ifModifiedSince);
  const ifUnmodifiedSinceMs = parseHttpDate(ifUnmodifiedSince);
  const conditions = {
    ...(ifMatch !== undefined && { ifMatch }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch }),
    ...(ifModifiedSinceMs !== undefined && { ifModifiedSinceMs }),
    ...(ifUnmodifiedSinceMs !== undefined && { ifUnmodifiedSinceMs }),
  };
  return Object.keys(conditions).length > 0 ? conditions : undefined;
}

/**
 * If-Range: an ETag or a date; what is neither holds for no object, so that the whole is sent (S3-WIRE 82).
 */
export function parseIfRange(header: string | undefined): OpenRequest['ifRange'] {
  if (header === undefined) return undefined;
  if (header.includes('"')) return { etag: header };
  const lastModifiedMs = parseHttpDate(header);
  return lastModifiedMs === undefined ? { etag: header } : { lastModifiedMs };
}
