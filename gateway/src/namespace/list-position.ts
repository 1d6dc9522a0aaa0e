/** Where a walk of listings stands, and the texts between a mount and its UFS. */
import type { Mount } from '@forebay/core/mount';
import { afterPrefix, compareUtf8 } from '@forebay/core/utf8-order';

// Sorts behind (nearly) every key with the prefix before it; what is left over is dropped by comparison.
export const greatest = '\u{10ffff}';

/** Where a walk stands in an interval: what is below `atLeast`, or not above `after`, is not listed. */
export interface Position {
  atLeast: string;
  readonly endExclusive: string | undefined;
  /** For the UFS, so that it need not send what would be dropped. */
  startAfter: string | undefined;
  /** Where `startAfter` is this key, its versions after this one are still to come. */
  within: { readonly key: string; readonly versionId: string | undefined } | undefined;
  readonly isLast: boolean;
}

export type Start = Pick<Position, 'startAfter' | 'within'>;

export function ufsStartOf(mount: Mount, { startAfter, within }: Start) {
  if (startAfter === undefined) return {};
  const startAfterVersion = within?.key === startAfter ? within.versionId : undefined;
  return { startAfter: toUfsText(mount, startAfter), startAfterVersion };
}

/** Moves behind every key of a group; false where nothing of the interval is left. */
export function skipGroup(position: Position, group: string): boolean {
  const behind = afterPrefix(group);
  if (behind === undefined) return false;
  if (compareUtf8(behind, position.atLeast) > 0) {
    position.atLeast = behind;
    position.startAfter = laterOf(position.startAfter, group + greatest);
  }
  return isBelow(position.atLeast, position.endExclusive);
}

export function isBelow(text: string, endExclusive: string | undefined): boolean {
  return endExclusive === undefined || compareUtf8(text, endExclusive) < 0;
}

export function isBelowOrAt(text: string | undefined, end: string | undefined): boolean {
  if (end === undefined) return true;
  return text !== undefined && compareUtf8(text, end) <= 0;
}

export function laterOf(a: string | undefined, b: string): string {
  return a !== undefined && compareUtf8(a, b) > 0 ? a : b;
}

export function toUfsText(mount: Mount, text: string): string {
  return mount.ufs.prefix + text.slice(mount.keyPrefix.length);
}

export function toClientText(mount: Mount, ufsText: string): string {
  return mount.keyPrefix + ufsText.slice(mount.ufs.prefix.length);
}
