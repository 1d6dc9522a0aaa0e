import { CachePolicies } from '@forebay/core/cache-policy';
import { parseRule } from '@forebay/core/cache-rules';
import { afterEach, describe, expect, it } from 'vitest';
import { readAll, refOf, TestNodes, testMount } from './testing/kit.ts';
import { StepUfs } from './testing/step-ufs.ts';

const nodes = new TestNodes();
afterEach(() => nodes.clear());

const rule = (prefix: string) => parseRule({ prefix, where: '--rule' });

describe('a node with cache policies', () => {
  it('passes through what is larger than its rule lets it be, from the moment that the rule is there', async () => {
    const ufs = new StepUfs();
    for (const key of ['small/a', 'small/tiny', 'smaller'])
      ufs.put(key, 'x'.repeat(key === 'small/tiny' ? 3 : 30));
    const policies = new CachePolicies({ rules: [rule('s3://lake/small/?maxObjectSize=10')] });
    const { node } = await nodes.open(ufs.asUfs(), { policies });
    const read = async (key: string) => {
      await readAll(node, refOf(key));
      return (await readAll(node, refOf(key))).cache;
    };
    expect([await read('small/a'), await read('small/tiny'), await read('smaller')]).toEqual([
      ...['BYPASS', 'HIT', 'HIT'],
    ]);
    policies.update({ rules: [rule('s3://lake?maxObjectSize=10')] });
    expect((await readAll(node, refOf('smaller'))).cache).toBe('BYPASS');
    const wide = testMount({ maxObjectSizeBytes: 1 });
    policies.update({ rules: [rule('s3://lake?maxObjectSize=unlimited')] });
    expect([(await readAll(node, refOf('smaller', wide))).cache]).toEqual(['HIT']);
  });
});
