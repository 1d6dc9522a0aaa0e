/** Opens that need no wait: what they answer, what they leave to `open`, and what is counted of them. */
import type { OpenRequest } from '@forebay/core/cache-node';
import type { Mount } from '@forebay/core/mount';
import { memoryUfs } from '@forebay/ufs/memory';
import { afterEach, expect, it } from 'vitest';
import { bodyOf, KiB, openAny, readAll, refOf, type TestNode, TestNodes, testMount } from './testing/kit.ts';

const nodes = new TestNodes();
afterEach(() => nodes.clear());

const { signal } = new AbortController();
const small = Buffer.alloc(4 * KiB, 'small');
const large = Buffer.from(Array.from({ length: 200 * KiB }, (_, at) => at % 253));

const store = () => memoryUfs({ small, large, empty: Buffer.alloc(0) });

function open(settings = {}, ufs = store()): Promise<TestNode> {
  return nodes.open(ufs, { settings });
}

const ask = (key: string, more: Partial<OpenRequest> = {}, mount?: Mount): OpenRequest => ({
  object: refOf(key, mount),
  want: 'bytes',
  get signal(): AbortSignal {
    throw new Error('a hit looks at no signal');
  },
  ...more,
});

const countsOf = async ({ metrics }: TestNode) =>
  (await metrics.text())
    .split('\n')
    .filter((line) =>
      /^forebay_(page|info)_reads_total|^forebay_bytes_served|^forebay_mount_bytes/.test(line),
    )
    .sort();

it('answers a hit in memory as open does, and counts the same', async () => {
  // Of one store: objects have their dates from when it was made.
  const ufs = store();
  const [now, later] = [await open({}, ufs), await open({}, ufs)];
  for (const { node } of [now, later]) await readAll(node, refOf('small'));
  const range = { kind: 'span', start: 10, endExclusive: 20 } as const;
  for (const more of [{}, { range }, { want: 'info' }, { conditions: { ifMatch: '"x"' } }] as const) {
    const atOnce = now.node.openNow(ask('small', more));
    const awaited = await later.node.open(ask('small', more));
    expect(atOnce).toEqual(awaited);
  }
  const opened = now.node.openNow(ask('small', { range }));
  await later.node.open(ask('small', { range }));
  if (opened?.kind !== 'object') throw new Error('it is there');
  expect(opened.cache).toBe('HIT');
  expect(await bodyOf(opened)).toEqual(small.subarray(10, 20));
  expect(await countsOf(now)).toEqual(await countsOf(later));
});

it('answers what needs no bytes, and what is known to be absent', async () => {
  const { node } = await open();
  await readAll(node, refOf('empty'));
  await openAny(node, refOf('none'));
  expect(node.openNow(ask('empty'))).toMatchObject({ kind: 'object', body: new Uint8Array(0) });
  const beyond = { kind: 'from', start: 99 } as const;
  expect(node.openNow(ask('empty', { range: beyond }))).toMatchObject({ range: 'unsatisfiable' });
  expect(node.openNow(ask('none'))).toMatchObject({ kind: 'absent', cache: 'HIT' });
});

it('leaves to open, uncounted, what is not known or not at hand', async () => {
  const made = await open({ memorySizeBytes: 0 });
  const { node } = made;
  expect(node.openNow(ask('small'))).toBeUndefined();
  await readAll(node, refOf('small'));
  const before = await countsOf(made);
  expect(node.openNow(ask('small'))).toBeUndefined();
  expect(await countsOf(made)).toEqual(before);
});

it('gives a stream whose first bytes are at hand, where not all lie in one page', async () => {
  const { node } = await open();
  await readAll(node, refOf('large'));
  const opened = node.openNow({ object: refOf('large'), want: 'bytes', signal });
  if (opened?.kind !== 'object') throw new Error('it is there');
  expect(opened).toMatchObject({ cache: 'HIT', pages: { hit: 4, total: 4 } });
  expect(await bodyOf(opened)).toEqual(large);
});

it('answers nothing whose time is over, that is being written, or of a mount that is always asked', async () => {
  const { node, clock } = await open();
  await readAll(node, refOf('small'));
  const always = testMount({ path: '/fresh', bucket: 'fresh', freshness: 'always' });
  await readAll(node, refOf('small', always));
  expect(node.openNow(ask('small', {}, always))).toBeUndefined();
  await node.beginWrite([refOf('small')], 'fence');
  expect(node.openNow(ask('small'))).toBeUndefined();
  await node.endWrite([refOf('small')], 'fence', 'known');
  await readAll(node, refOf('small'));
  expect(node.openNow(ask('small'))).toBeDefined();
  clock.advance(60_001);
  expect(node.openNow(ask('small'))).toBeUndefined();
});
