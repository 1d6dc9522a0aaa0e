import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientKeyOf, isPattern, type Mount, MountTable, objectIdOf } from './mount.ts';
import { parseMount } from './mount-uri.ts';

const mountOf = (text: string) => parseMount(text, { pageSizeBytes: 1024 * 1024, createdAtMs: 0 });
const pattern = mountOf('/{bucket}=s3://{bucket}/data?endpoint=http://127.0.0.1:1');
const literal = mountOf('/lake=s3://store?endpoint=http://127.0.0.1:2');
const nested = mountOf('/lake/raw=s3://raw?endpoint=http://127.0.0.1:2');

/** Where a key is, as `endpoint bucket key`. */
function placeOf(table: MountTable, bucket: string, key: string): string | undefined {
  const object = table.resolve(bucket, key);
  if (object?.mount.ufs.scheme !== 's3') return undefined;
  const { endpoint, bucket: ufsBucket } = object.mount.ufs;
  return `${endpoint} ${ufsBucket} ${object.ufsKey}`;
}

describe('MountTable', () => {
  it('shows every bucket of the pattern mount under its own name, and a prefix after it', () => {
    const table = new MountTable([pattern]);
    expect(placeOf(table, 'any', 'a/b')).toBe('http://127.0.0.1:1 any data/a/b');
    expect(table.pattern).toBe(pattern);
    expect(table.buckets()).toEqual([]);
  });

  it('lets a literal mount of a bucket beat the pattern, and nests one inside of it', () => {
    const both = new MountTable([pattern, literal, nested]);
    expect(placeOf(both, 'lake', 'x')).toBe('http://127.0.0.1:2 store x');
    const inside = new MountTable([pattern, nested]);
    expect(placeOf(inside, 'lake', 'x')).toBe('http://127.0.0.1:1 lake data/x');
    expect(placeOf(inside, 'lake', 'raw/x')).toBe('http://127.0.0.1:2 raw x');
    expect(inside.buckets()).toEqual(['lake']);
  });

  it('shows no bucket through the pattern whose name is none', () => {
    const table = new MountTable([pattern]);
    const names = ['..', '.', '', 'a', 'La', 'a/b', '{bucket}', '10.0.0.1', 'a..b', 'a'.repeat(64)];
    for (const name of names) expect(table.resolve(name, 'key')).toBeUndefined();
  });

  it('keeps objects of equal keys in different buckets of the pattern apart, and its options for all', () => {
    const table = new MountTable([{ ...pattern, readOnly: true }]);
    const [one, two] = [table.resolve('one', 'key')!, table.resolve('two', 'key')!];
    expect(objectIdOf(one)).not.toBe(objectIdOf(two));
    expect([one.mount.path, two.mount.path]).toEqual(['/{bucket}', '/{bucket}']);
    expect([one.mount.readOnly, two.mount.readOnly]).toEqual([true, true]);
    expect(table.resolve('one', 'other')?.mount).toBe(one.mount);
  });

  it('stays exact over more buckets than it keeps at hand', () => {
    const table = new MountTable([pattern]);
    for (let round = 0; round < 2; round += 1) {
      for (let index = 0; index < 2500; index += 1) {
        expect(table.resolve(`bucket-${index}`, 'k')?.mount.bucket).toBe(`bucket-${index}`);
      }
    }
  });

  it('resolves as the rule says, whatever is mounted: the longest literal prefix, then the pattern', () => {
    const bucket = fc.constantFrom('lake', 'pond', 'sea');
    const part = fc.constantFrom('a', 'b', 'ab', '{bucket}');
    const parts = fc.array(part, { maxLength: 3 });
    const mounts = fc
      .uniqueArray(fc.tuple(bucket, parts), { selector: ([name, rest]) => [name, ...rest].join('/') })
      .map((paths) =>
        paths.map(([name, rest], index) => {
          const path = ['', name, ...rest.map(encodeURIComponent)].join('/');
          return mountOf(`${path}=s3://ufs-${index}?endpoint=http://127.0.0.1:2`);
        }),
      );
    const keys = fc.array(
      fc.tuple(
        bucket,
        parts.map((rest) => rest.join('/')),
      ),
    );
    fc.assert(
      fc.property(mounts, fc.boolean(), keys, (literals, withPattern, asked) => {
        const table = new MountTable(withPattern ? [...literals, pattern] : literals);
        for (const [name, key] of asked) {
          const object = table.resolve(name, key);
          expect(object?.mount.path).toBe(modelOf(literals, withPattern, `/${name}/${key}`));
          if (object) expect(clientKeyOf(object)).toBe(key);
          expect(object && isPattern(object.mount)).not.toBe(true);
        }
      }),
    );
  });
});

/** The path of the mount that must answer, found the long way. */
function modelOf(literals: readonly Mount[], withPattern: boolean, whole: string): string | undefined {
  let best: string | undefined;
  for (const { path } of literals) {
    const covers = whole.startsWith(`${path}/`);
    if (covers && (best === undefined || path.length > best.length)) best = path;
  }
  return best ?? (withPattern ? '/{bucket}' : undefined);
}
