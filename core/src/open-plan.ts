/** What a request means for an object that is known: conditions first, then the range. */
import type { ReadQuestion } from './cache-node.ts';
import { type ConditionOutcome, etagListMatches, evaluateConditions } from './conditions.ts';
import type { ObjectInfo } from './object.ts';
import { type ByteRange, type RangeRequest, resolveRange } from './range.ts';

export interface OpenPlan {
  readonly condition: ConditionOutcome;
  readonly range: ByteRange | 'unsatisfiable';
  readonly whole: boolean;
}

/**
 * Conditions come before the range; an If-Range that does not hold takes the range away (RFC 9110 §13.1.5).
 */
export function planOf(request: ReadQuestion, info: ObjectInfo): OpenPlan {
  const condition = request.conditions ? evaluateConditions(request.conditions, info) : 'met';
  const asked: RangeRequest | undefined =
    request.ifRange && !ifRangeHolds(request.ifRange, info) ? undefined : request.range;
  const resolved = resolveRange(asked, info.sizeBytes);
  if (resolved === 'unsatisfiable') return { condition, range: 'unsatisfiable', whole: false };
  return { condition, ...resolved };
}

function ifRangeHolds(ifRange: NonNullable<ReadQuestion['ifRange']>, info: ObjectInfo): boolean {
  if ('etag' in ifRange) return etagListMatches(ifRange.etag, info.etag, 'strong');
  return Math.floor(info.lastModifiedMs / 1000) === Math.floor(ifRange.lastModifiedMs / 1000);
}

/** A range has no checksums. */
export function needsChecksums(request: ReadQuestion): boolean {
  return request.needChecksums === true && request.range === undefined;
}
