import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CachePolicies, type CachePolicy, type CacheRule } from './cache-policy.ts';
import { mergeRules, parseRule } from './cache-rules.ts';
import { ConfigError } from './config.ts';
import { matchesKey, parseKeyPattern } from './key-pattern.ts';
import { MountTable } from './mount.ts';
import { parseMount } from './mount-uri.ts';

const mountOf = (text: string) => parseMount(text, { pageSizeBytes: 1024 * 1024, createdAtMs: 0 });
const rule = (prefix: string) => parseRule({ prefix, where: '--rule' });
const lake = mountOf('/lake=s3://lake?quota=1TiB&minUses=3&cacheTtl=7d&priority=low&maxObjectSize=1GiB');
const policies = (...rules: string[]) => new CachePolicies({ rules: rules.map(rule) });
const GiB = 1024 ** 3;

describe('CachePolicies', () => {
  it("takes the mount's options where no rule says otherwise", () => {
    const { path: scope } = lake;
    expect(policies().policyOf(lake, 'a')).toEqual({
      ...{ rule: 'mount /lake', scope, quotaBytes: 1024 * GiB, priority: 'low', pinned: false, minUses: 3 },
      ...{ cacheTtlMs: 7 * 86_400_000, maxObjectSizeBytes: GiB },
    });
    expect(policies().policyOf(mountOf('/lake=s3://lake'), 'a')).toEqual({
      ...{ rule: 'mount /lake', scope, quotaBytes: undefined, priority: 'normal', pinned: false, minUses: 1 },
      ...{ cacheTtlMs: undefined, maxObjectSizeBytes: Number.MAX_SAFE_INTEGER },
    });
  });

  it('lets each option come from the longest rule that sets it', () => {
    const given = policies(
      's3://lake/?pin=true&minUses=1',
      's3://lake/hot/?quota=10GiB&priority=high',
      's3://lake/hot/raw/?pin=false&cacheTtl=off&quota=unlimited',
    );
    const common = { minUses: 1, maxObjectSizeBytes: GiB };
    expect(given.policyOf(lake, 'cold')).toMatchObject({
      ...{ ...common, rule: 'rule s3://lake', scope: '/lake', priority: 'low', pinned: true },
    });
    expect(given.policyOf(lake, 'hot/x')).toMatchObject({
      ...{ ...common, rule: 'rule s3://lake/hot/', scope: 's3://lake/hot/', quotaBytes: 10 * GiB },
      ...{ priority: 'high', pinned: true, cacheTtlMs: lake.cacheTtlMs },
    });
    expect(given.policyOf(lake, 'hot/raw/x')).toMatchObject({
      ...{ ...common, rule: 'rule s3://lake/hot/raw/', scope: 's3://lake/hot/raw/', quotaBytes: undefined },
      ...{ priority: 'high', pinned: false, cacheTtlMs: undefined },
    });
  });

  it('knows rules by the bucket that clients see, also below the pattern mount and nested mounts', () => {
    const given = policies('s3://lake/hot/?priority=high', 's3://pond?priority=low');
    const table = new MountTable([mountOf('/lake/hot=s3://other/x'), mountOf('/{bucket}=s3://{bucket}')]);
    const of = (bucket: string, key: string) =>
      given.policyOf(table.resolve(bucket, key)!.mount, key).priority;
    expect([of('lake', 'hot/a'), of('lake', 'a'), of('pond', 'a'), of('puddle', 'a')]).toEqual([
      ...['high', 'normal', 'low', 'normal'],
    ]);
  });

  it('follows pins as they come and go', () => {
    const given = policies('s3://lake/hot/?priority=high');
    const keys = parseKeyPattern('s3://lake/hot/x');
    given.update({ pins: [{ keys, pinnedAtMs: 0 }] });
    const pinned = { rule: 'pin s3://lake/hot/x', pinned: true, priority: 'high' };
    expect(given.policyOf(lake, 'hot/x')).toMatchObject(pinned);
    expect(given.policyOf(lake, 'hot/x/y')).toMatchObject(pinned);
    expect(given.policyOf(lake, 'hot/xy')).toMatchObject({ rule: 'rule s3://lake/hot/', pinned: false });
    given.update({ pins: [] });
    expect(given.policyOf(lake, 'hot/x')).toMatchObject({ rule: 'rule s3://lake/hot/', pinned: false });
  });

  it('makes no object for a key whose rule was asked for before', () => {
    const given = policies('s3://lake/hot/?priority=high');
    expect(given.policyOf(lake, 'hot/a')).toBe(given.policyOf(lake, 'hot/b'));
    expect(given.policyOf(lake, 'a')).toBe(given.policyOf(lake, 'b'));
  });

  it('agrees with a look at every rule', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '!', 'é'), maxLength: 6 });
    const pattern = fc
      .tuple(text, fc.constantFrom('', '/', '*'))
      .map((parts) => `s3://lake/${parts.join('')}`);
    const options = fc.record(
      {
        quotaBytes: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
        priority: fc.constantFrom('low' as const, 'high' as const),
        pinned: fc.boolean(),
        minUses: fc.integer({ min: 1, max: 15 }),
      },
      { requiredKeys: [] },
    );
    const rules = fc.uniqueArray(
      fc.record({ keys: pattern.map(parseKeyPattern), options }) as fc.Arbitrary<CacheRule>,
      { selector: ({ keys }) => keys.text, maxLength: 12 },
    );
    fc.assert(
      fc.property(rules, text, (given, key) => {
        const policy = new CachePolicies({ rules: given }).policyOf(lake, key);
        expect(policy).toMatchObject(expectedOf(given, key));
      }),
    );
  });
});

/** From the shortest rule that holds the key to the longest; the later one of two for the same keys. */
function expectedOf(rules: readonly CacheRule[], key: string): Partial<CachePolicy> {
  const lengthOf = ({ keys }: CacheRule) => (keys.key === key ? key.length + 0.5 : keys.prefix.length);
  const matching = rules
    .filter(({ keys }) => matchesKey(keys, 'lake', key))
    .sort((a, b) => lengthOf(a) - lengthOf(b));
  let expected: Partial<CachePolicy> = { scope: '/lake', quotaBytes: lake.quotaBytes, pinned: false };
  for (const { keys, options } of matching) {
    const { quotaBytes, ...others } = options;
    expected = { ...expected, ...others };
    if (quotaBytes === undefined) continue;
    expected = {
      ...expected,
      scope: keys.text,
      quotaBytes: Number.isFinite(quotaBytes) ? quotaBytes : undefined,
    };
  }
  return expected;
}

describe('rules', () => {
  it('reads all options, and decodes the prefix once', () => {
    expect(
      rule('s3://lake/a%2520b/?quota=10GiB&priority=high&pin=true&minUses=2&cacheTtl=7d&maxObjectSize=1GiB'),
    ).toEqual({
      keys: { text: 's3://lake/a%20b/', bucket: 'lake', key: undefined, prefix: 'a%20b/' },
      options: {
        ...{ quotaBytes: 10 * GiB, priority: 'high', pinned: true, minUses: 2 },
        ...{ cacheTtlMs: 7 * 86_400_000, maxObjectSizeBytes: GiB },
      },
    });
    expect(rule('s3://lake?quota=unlimited&cacheTtl=off').options).toEqual({
      ...{ quotaBytes: Number.POSITIVE_INFINITY, cacheTtlMs: Number.POSITIVE_INFINITY },
    });
  });

  it.each([
    ['/lake?pin=true', '--rule: a rule is s3://bucket/prefix/?option=value'],
    ['s3://La_ke?pin=true', 'a rule is s3://bucket/prefix/'],
    ['s3://lake/a/', 'rule s3://lake/a/: a rule needs an option; allowed are quota, priority, minUses'],
    ['s3://lake?piority=low', 'rule s3://lake: unknown option "piority"; did you mean "priority"?; allowed'],
    ['s3://lake?freshness=always', 'unknown option "freshness"'],
    ['s3://lake?pin=true&pin=true', 'option "pin" stands twice'],
    ['s3://lake?pin=yes', 'option "pin": the value is not allowed; allowed is true or false'],
    ['s3://lake?pin', 'name=value'],
    ['s3://lake?quota=much', 'allowed is a size such as 10GiB, or unlimited'],
    ['s3://lake?priority=urgent', 'allowed is low, normal or high'],
    ['s3://lake?minUses=0', 'allowed is a whole number from 1 to 15'],
    ['s3://lake?minUses=16', 'allowed is a whole number from 1 to 15'],
    ['s3://lake?cacheTtl=10', 'from 1s to 3650d'],
    ['s3://lake?cacheTtl=10ms', 'from 1s to 3650d'],
    ['s3://lake?maxObjectSize=x', 'allowed is a size such as 64MiB, or unlimited'],
    ['s3://lake/%zz?pin=true', 'is written %25'],
    ['s3://lake/x%2A?pin=true', 'a key cannot end with it here'],
  ])('refuses %s', (text, message) => {
    expect(() => rule(text)).toThrow(ConfigError);
    expect(() => rule(text)).toThrow(message);
  });

  it('refuses a prefix that no key can have', () => {
    expect(() => rule(`s3://lake/${'x'.repeat(1025)}?pin=true`)).toThrow('a key has at most 1024 bytes');
  });

  it('lets later sources win, and one source say a thing once', () => {
    const input = (prefix: string) => ({ prefix, where: 'forebay.yaml line 3' });
    const merged = mergeRules([
      [input('s3://lake?pin=true'), input('s3://pond?pin=true')],
      [input('s3://lake?pin=false')],
    ]);
    expect(merged.map(({ keys, options }) => [keys.text, options])).toEqual([
      ['s3://lake', { pinned: false }],
      ['s3://pond', { pinned: true }],
    ]);
    expect(() => mergeRules([[input('s3://lake?pin=true'), input('s3://lake/?minUses=2')]])).toThrow(
      'forebay.yaml line 3: rule s3://lake: the prefix stands twice',
    );
  });
});

describe('keys as they are named', () => {
  it.each([
    ['s3://lake', ['', 'a', 'hot/x'], []],
    ['s3://lake/hot', ['hot', 'hot/', 'hot/x'], ['hotter', 'ho', 'x/hot']],
    ['s3://lake/hot/', ['hot/', 'hot/x', 'hot//'], ['hot', 'hotter']],
    ['s3://lake/hot*', ['hot', 'hot/x', 'hotter'], ['ho', 'shot']],
    ['s3://lake/%2F', ['%2F', '%2F/x'], ['/']],
  ])('%s', (text, inside, outside) => {
    const keys = parseKeyPattern(text);
    for (const key of inside) expect(matchesKey(keys, 'lake', key), key).toBe(true);
    for (const key of outside) expect(matchesKey(keys, 'lake', key), key).toBe(false);
    expect(matchesKey(keys, 'pond', 'hot/x')).toBe(false);
  });

  it.each(['lake/hot', 's3://', 's3://L', 's3:///hot'])('refuses %s', (text) => {
    expect(() => parseKeyPattern(text)).toThrow('s3://bucket/prefix/');
  });
});
