/**
 * The order of keys: by the bytes of their UTF-8, as S3 lists them. JavaScript's own order is by UTF-16
 * units, which puts U+10000 and above before U+E000..U+FFFF.
 */

/** Negative, zero or positive, for `sort` and for comparisons. UTF-8 byte order is code point order. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const unitA = a.charCodeAt(index);
    const unitB = b.charCodeAt(index);
    if (unitA !== unitB) return rank(unitA) - rank(unitB);
  }
  return a.length - b.length;
}

// Surrogates stand for code points above every other unit, so they move behind U+FFFF.
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}

/** The smallest text above every text that starts with the prefix; undefined where there is none. */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = last.codePointAt(0)!;
    if (point === 0x10_ffff) continue;
    // The next scalar value: surrogates are none.
    return points.join('') + String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1);
  }
  return undefined;
}
