/**
 * Conditions of writes (S3-WIRE 88, 89) and of copy sources (S3-WIRE 94). The caller holds the key's lock.
 */
import { etagListMatches, evaluateConditions, type ReadConditions } from '@forebay/core/conditions';
import { type HeaderList, headerValue, type ObjectInfo } from '@forebay/core/object';
import { noSuchKey, notImplemented, preconditionFailed } from './answers.ts';

/** @param etag of the object that is there now; undefined: none */
export function checkWriteConditions(headers: HeaderList, key: string, etag: string | undefined): void {
  const ifNoneMatch = headerValue(headers, 'if-none-match');
  const ifMatch = headerValue(headers, 'if-match');
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() !== '*' || ifMatch !== undefined) throw notImplemented('If-None-Match');
    if (etag !== undefined) throw preconditionFailed('If-None-Match');
  }
  if (ifMatch === undefined) return;
  if (etag === undefined) throw noSuchKey(key);
  if (!etagListMatches(ifMatch, etag, 'strong')) throw preconditionFailed('If-Match');
}

export function hasWriteConditions(headers: HeaderList): boolean {
  return headers.some(([name]) => name === 'if-match' || name === 'if-none-match');
}

/** Precedence as for reads, but every failure is 412: a copy knows no 304. */
export function checkCopyConditions(headers: HeaderList, source: ObjectInfo): void {
  const conditions = readConditions(headers, 'x-amz-copy-source-');
  const outcome = evaluateConditions(conditions, source);
  if (outcome === 'met') return;
  if (outcome !== 'not-modified') throw preconditionFailed(`x-amz-copy-source-${outcome.failed}`);
  const failed = conditions.ifNoneMatch === undefined ? 'If-Modified-Since' : 'If-None-Match';
  throw preconditionFailed(`x-amz-copy-source-${failed}`);
}

/** Dates that are none are left out, as if they had not been sent. */
export function readConditions(headers: HeaderList, namePrefix = ''): ReadConditions {
  const dateMs = (name: string): number | undefined => {
    const parsed = Date.parse(headerValue(headers, namePrefix + name) ?? '');
    return Number.isNaN(parsed) ? undefined : parsed;
  };
  const ifMatch = headerValue(headers, `${namePrefix}if-match`);
  const ifNoneMatch = headerValue(headers, `${namePrefix}if-none-match`);
  const ifModifiedSinceMs = dateMs('if-modified-since');
  const ifUnmodifiedSinceMs = dateMs('if-unmodified-since');
  return {
    ...(ifMatch !== undefined && { ifMatch }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch }),
    ...(ifModifiedSinceMs !== undefined && { ifModifiedSinceMs }),
    ...(ifUnmodifiedSinceMs !== undefined && { ifUnmodifiedSinceMs }),
  };
}
