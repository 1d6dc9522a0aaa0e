/** Buckets with nested mounts as tests make them up, and what S3 would list of them. */
import { compareUtf8 } from '@forebay/core/utf8-order';
import fc from 'fast-check';

export interface Stored {
  /** Inside the bucket, as clients see it: empty, or ends with `/`. */
  readonly keyPrefix: string;
  readonly ufsPrefix: string;
  /** Behind `ufsPrefix`. */
  readonly keys: readonly string[];
}

/** Every key that a client sees, by brute force: the longest mount that fits a key holds it. */
export function visibleKeys(stored: readonly Stored[]): string[] {
  const prefixes = stored.map(({ keyPrefix }) => keyPrefix);
  const ownerOf = (key: string) =>
    prefixes.filter((prefix) => key.startsWith(prefix)).sort((a, b) => b.length - a.length)[0];
  return stored
    .flatMap(({ keyPrefix, keys: own }) => own.map((key) => ({ key: keyPrefix + key, keyPrefix })))
    .filter(({ key, keyPrefix }) => key !== '' && ownerOf(key) === keyPrefix)
    .map(({ key }) => key)
    .sort(compareUtf8);
}

/** What S3 lists, without pages: each text once, in order. */
export function modelOf(
  keys: readonly string[],
  query: { prefix: string; delimiter?: string | undefined; after: string },
) {
  const texts: string[] = [];
  for (const key of keys) {
    if (!key.startsWith(query.prefix)) continue;
    const at = query.delimiter === undefined ? -1 : key.indexOf(query.delimiter, query.prefix.length);
    const text = at < 0 ? key : key.slice(0, at + query.delimiter!.length);
    if (compareUtf8(text, query.after) > 0 && texts.at(-1) !== text) texts.push(text);
  }
  return texts;
}

const segment = fc.constantFrom('a', 'b', 'a0', 'é', '\u{10000}', '\u{ffff}', '-');
export const anyPath = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
export const anyKey = fc.oneof(
  anyPath,
  anyPath.map((text) => `${text}/`),
  fc.constantFrom('a//b', '/a', 'a/./b', 'a/../b', ' ', '+', '%2F', 'a\\b', '\u{10ffff}'),
);
export const anyStored: fc.Arbitrary<Stored[]> = fc
  .tuple(
    fc.boolean(),
    fc.uniqueArray(anyPath, { maxLength: 4 }),
    fc.array(fc.uniqueArray(anyKey, { maxLength: 8 }), { minLength: 5, maxLength: 5 }),
    fc.constantFrom('', 'data/', 'x/y/'),
  )
  .map(([hasRoot, nested, keys, ufsPrefix]) =>
    [...(hasRoot ? [''] : []), ...nested.map((text) => `${text}/`)].map((keyPrefix, index) => ({
      keyPrefix,
      ufsPrefix,
      keys: keys[index % keys.length]!,
    })),
  );
