/** Bytes that another node had, in place of the store: the driver says so, and they are counted as such. */
import { randomBytes } from 'node:crypto';
import { memoryUfs } from '@forebay/ufs/memory';
import type { Ufs } from '@forebay/ufs/ufs';
import type { UfsOrigin } from '@forebay/ufs/ufs-origin';
import { withGet } from '@forebay/ufs/with-get';
import { afterEach, expect, it } from 'vitest';
import { openObject, pageSizeBytes, readAll, refOf, TestNodes } from './testing/kit.ts';

const nodes = new TestNodes();
const content = randomBytes(4 * pageSizeBytes);
afterEach(() => nodes.clear());

/** Says where the bytes of each request that names its version came from. */
function withOrigin(inner: Ufs, origin: UfsOrigin): Ufs {
  return withGet(inner, async (key, options) => {
    const opened = await inner.get(key, options);
    return options?.known ? { ...opened, origin: () => origin } : opened;
  });
}

it.each(['peer', 'ufs'] as const)('counts bytes by where they came from: %s', async (origin) => {
  const { node, metrics } = await nodes.open(withOrigin(memoryUfs({ large: content }), origin));
  await openObject(node, refOf('large'), { want: 'info' });
  const { bytes, cache } = await readAll(node, refOf('large'));
  expect(bytes.equals(content)).toBe(true);
  expect(cache).toBe('MISS');
  const text = await metrics.text();
  // Some pages are in memory by the time that the reader comes to them.
  expect(text).toMatch(new RegExp(`forebay_bytes_served_total{source="${origin}"} [1-9]`));
  expect(text).not.toContain(`forebay_bytes_served_total{source="${origin === 'ufs' ? 'peer' : 'ufs'}"}`);
});

it('counts no bytes of another node as read from the store, in a bound on amplification', async () => {
  const { node, metrics } = await nodes.open(withOrigin(memoryUfs({ large: content }), 'peer'));
  await openObject(node, refOf('large'), { want: 'info' });
  await readAll(node, refOf('large'), { kind: 'span', start: 0, endExclusive: content.byteLength });
  expect(await metrics.text()).toContain('forebay_read_amplification{mount="/lake"} 0');
});
