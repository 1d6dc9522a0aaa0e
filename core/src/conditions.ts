/**
 * Read conditions and their precedence (RFC 9110 §13.2.2, S3 GetObject): evaluated before Range, on
 * existing objects.
 */
import type { ObjectInfo } from './object.ts';

export interface ReadConditions {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  /** Milliseconds since the epoch, whole seconds. */
  readonly ifModifiedSinceMs?: number;
  readonly ifUnmodifiedSinceMs?: number;
}

export type ConditionOutcome =
  | 'met'
  | 'not-modified'
  | { readonly failed: 'If-Match' | 'If-Unmodified-Since' };

export function evaluateConditions(conditions: ReadConditions, info: ObjectInfo): ConditionOutcome {
  const modifiedMs = Math.floor(info.lastModifiedMs / 1000) * 1000;
  if (conditions.ifMatch !== undefined) {
    if (!etagListMatches(conditions.ifMatch, info.etag, 'strong')) return { failed: 'If-Match' };
  } else if (conditions.ifUnmodifiedSinceMs !== undefined && modifiedMs > conditions.ifUnmodifiedSinceMs) {
    return { failed: 'If-Unmodified-Since' };
  }
  if (conditions.ifNoneMatch !== undefined) {
    if (etagListMatches(conditions.ifNoneMatch, info.etag, 'weak')) return 'not-modified';
  } else if (conditions.ifModifiedSinceMs !== undefined && modifiedMs <= conditions.ifModifiedSinceMs) {
    return 'not-modified';
  }
  return 'met';
}

/** `*`, one ETag or a comma list, quoted or bare. */
export function etagListMatches(list: string, etag: string | undefined, compare: 'strong' | 'weak'): boolean {
  if (list.trim() === '*') return true;
  if (etag === undefined) return false;
  if (compare === 'strong' && etag.startsWith('W/')) return false;
  const wanted = bareEtag(etag);
  return list.split(',').some((item) => {
    const candidate = item.trim();
    if (compare === 'strong' && candidate.startsWith('W/')) return false;
    return bareEtag(candidate) === wanted;
  });
}

/** Without `W/` and quotes. */
export function bareEtag(etag: string): string {
  const strong = etag.startsWith('W/') ? etag.slice(2) : etag;
  return strong.length >= 2 && strong.startsWith('"') && strong.endsWith('"') ? strong.slice(1, -1) : strong;
}
