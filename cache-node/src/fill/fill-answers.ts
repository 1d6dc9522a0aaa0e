/** Whether a UFS answer is what a fill asked for, and what its failure means for readers. */
import { ForebayError, isUfsAnswer } from '@forebay/core/errors';
import { versionOf } from '@forebay/core/object';
import type { UfsObject } from '@forebay/ufs/ufs';
import type { PageSource } from './page-source.ts';

/**
 * Bytes of the answer before offset `start`. Every UFS answer is checked before its first byte is used:
 * version, total size, and where it starts. @throws ForebayError version-changed, ufs-unavailable
 */
export function skipBytesOf(opened: UfsObject, { info }: PageSource, start: number): number {
  if (versionOf(opened.info) !== versionOf(info)) {
    throw new ForebayError('version-changed', 'the object at the UFS is no longer the version asked for');
  }
  const skipBytes = start - opened.range.start;
  if (skipBytes < 0) throw new ForebayError('ufs-unavailable', 'the UFS answered with another range');
  return skipBytes;
}

/**
 * On a fill, 412 and 404 mean that the version asked for is gone, and so does 416 where a store looks at the
 * range first: the range lies inside that version. What replaced it is for the next open to find.
 */
export function asFillError(error: unknown): unknown {
  if (!isUfsAnswer(error) || ![404, 412, 416].includes(error.answer.status)) return error;
  return new ForebayError('version-changed', 'the version asked for is gone from the UFS', { cause: error });
}
