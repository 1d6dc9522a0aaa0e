/** What tells one content of a file from another (DESIGN §4, Versions). */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { ObjectRecord } from '../local/backend.ts';
import { defaultContentType } from '../local/object-headers.ts';

export type FileIdentity = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>;

/**
 * Whether a descriptor's file still has the content it had. A file that was unlinked or replaced under its
 * name in between gets a new ctime for that, and keeps its bytes: whoever has it open reads the old version
 * to its end.
 */
export function isSameContent(before: BigIntStats, after: BigIntStats): boolean {
  const same = before.ino === after.ino && before.dev === after.dev && before.size === after.size;
  if (!same || before.mtimeNs !== after.mtimeNs) return false;
  return before.ctimeNs === after.ctimeNs || after.nlink === 0n;
}

/** Of a file that another program wrote. The dash says that its ETag is no MD5. */
export function foreignRecord(file: FileIdentity): ObjectRecord {
  const text = `${file.dev},${file.ino},${file.size},${file.mtimeNs},${file.ctimeNs}`;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 32);
  return { etag: `"${digest}-1"`, headers: [['content-type', defaultContentType]] };
}

/** Whole seconds, as HTTP dates are. */
export function lastModifiedMs(file: FileIdentity): number {
  return Math.floor(Number(file.mtimeNs / 1_000_000n) / 1000) * 1000;
}
