/**
 * Which mount holds which keys of a bucket. A mount owns the keys with its prefix, but for those of mounts
 * nested in it, so the key space falls into intervals, in key order, of one mount each (DESIGN §6: nested
 * mounts show up in listings of the bucket above them).
 */
import type { Mount } from '@forebay/core/mount';
import { afterPrefix, compareUtf8 } from '@forebay/core/utf8-order';

/** Keys from `start` up to `endExclusive` (undefined: all the rest) that belong to one mount. */
export interface KeyInterval {
  readonly mount: Mount;
  readonly start: string;
  readonly endExclusive: string | undefined;
  /**
   * Set where the interval begins behind a nested mount: that mount's prefix, which sorts just below
   * `start`.
   */
  readonly behindPrefix: string | undefined;
}

/** The intervals of a bucket's mounts, in key order. Keys that no mount covers are in none. */
export function keyIntervalsOf(mounts: readonly Mount[]): KeyInterval[] {
  const sorted = [...mounts].sort((a, b) => compareUtf8(a.keyPrefix, b.keyPrefix));
  const intervals: KeyInterval[] = [];
  let index = 0;
  // In sorted order a mount is followed by those nested in it, so the tree unfolds by reading on.
  const unfold = (mount: Mount) => {
    let start = mount.keyPrefix;
    let behindPrefix: string | undefined;
    const endExclusive = afterPrefix(mount.keyPrefix);
    for (let child = sorted[index]; child?.keyPrefix.startsWith(mount.keyPrefix); child = sorted[index]) {
      index += 1;
      if (start !== child.keyPrefix) {
        intervals.push({ mount, start, endExclusive: child.keyPrefix, behindPrefix });
      }
      unfold(child);
      start = afterPrefix(child.keyPrefix)!;
      behindPrefix = child.keyPrefix;
    }
    if (start !== endExclusive) intervals.push({ mount, start, endExclusive, behindPrefix });
  };
  for (let top = sorted[index]; top; top = sorted[index]) {
    index += 1;
    unfold(top);
  }
  return intervals;
}

/** The intervals that hold keys with this prefix, cut to them. */
export function intervalsWithPrefix(mounts: readonly Mount[], prefix: string): KeyInterval[] {
  const prefixEnd = afterPrefix(prefix);
  const cut: KeyInterval[] = [];
  for (const interval of keyIntervalsOf(mounts)) {
    const startsInside = compareUtf8(interval.start, prefix) >= 0;
    const start = startsInside ? interval.start : prefix;
    const endExclusive = lowerEnd(interval.endExclusive, prefixEnd);
    if (endExclusive !== undefined && compareUtf8(start, endExclusive) >= 0) continue;
    cut.push({
      mount: interval.mount,
      start,
      endExclusive,
      behindPrefix: startsInside ? interval.behindPrefix : undefined,
    });
  }
  return cut;
}

function lowerEnd(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareUtf8(a, b) < 0 ? a : b;
}

/** The common prefix that a key falls under: up to and including the first delimiter behind the prefix. */
export function groupOf(key: string, prefix: string, delimiter: string | undefined): string | undefined {
  if (delimiter === undefined) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}
