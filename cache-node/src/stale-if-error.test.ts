import { randomBytes } from 'node:crypto';
import { isKind, UfsAnswerError } from '@forebay/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  openObject,
  pageSizeBytes,
  readAll,
  refOf,
  type TestNode,
  TestNodes,
  testMount,
} from './testing/kit.ts';
import { StepUfs } from './testing/step-ufs.ts';

const nodes = new TestNodes();
let ufs: StepUfs;

beforeEach(() => {
  ufs = new StepUfs();
});
afterEach(() => nodes.clear());

const object = refOf('a');
const fivePages = randomBytes(4 * pageSizeBytes + 1000);

describe('staleIfError', () => {
  const lasting = refOf('a', testMount({ staleIfErrorMs: 600_000 }));
  const refusalOf = (node: TestNode['node'], of = lasting) =>
    readAll(node, of).then(
      ({ cache }) => cache,
      (error: unknown) => error,
    );

  it('serves what was known for so long after its time where the UFS is out of order, and says so', async () => {
    ufs.put('a', fivePages);
    const { node, clock } = await nodes.open(ufs.asUfs());
    await readAll(node, lasting);
    ufs.down = true;
    clock.advance(60_000);
    expect(await readAll(node, lasting)).toMatchObject({ cache: 'STALE', bytes: fivePages });
    expect(await openObject(node, lasting, { want: 'info' })).toMatchObject({
      cache: 'STALE',
      ageMs: 60_000,
    });
    clock.advance(599_999);
    expect(await readAll(node, lasting)).toMatchObject({ cache: 'STALE' });
    clock.advance(1);
    expect(isKind(await refusalOf(node), 'ufs-unavailable')).toBe(true);
    ufs.down = false;
    expect(await readAll(node, lasting)).toMatchObject({ cache: 'REVALIDATED' });
    expect(await readAll(node, lasting)).toMatchObject({ cache: 'HIT' });
  });

  it('fails for pages that are not cached, as there is nobody to bring them', async () => {
    ufs.put('a', fivePages);
    const { node, clock } = await nodes.open(ufs.asUfs());
    await readAll(node, lasting, { kind: 'span', start: 0, endExclusive: pageSizeBytes });
    ufs.down = true;
    clock.advance(60_000);
    const first = { kind: 'span', start: 0, endExclusive: pageSizeBytes } as const;
    expect(await readAll(node, lasting, first)).toMatchObject({ cache: 'STALE' });
    const last = { kind: 'suffix', lengthBytes: 10 } as const;
    await expect(readAll(node, lasting, last)).rejects.toMatchObject({ kind: 'ufs-unavailable' });
  });

  it('never shows what a write may have changed: none begun, and none whose outcome is unknown', async () => {
    ufs.put('a', 'old');
    const { node, clock } = await nodes.open(ufs.asUfs());
    await readAll(node, lasting);
    clock.advance(60_000);
    ufs.down = true;
    expect(await refusalOf(node)).toBe('STALE');
    await node.beginWrite([lasting], 'w');
    expect(isKind(await refusalOf(node), 'ufs-unavailable')).toBe(true);
    await node.endWrite([lasting], 'w', 'unknown');
    expect(isKind(await refusalOf(node), 'ufs-unavailable')).toBe(true);
  });

  it('never shows what the UFS has denied since, nor what was learnt in an earlier tenure', async () => {
    ufs.put('a', 'old');
    const opened = await nodes.open(ufs.asUfs());
    const { node, clock } = opened;
    await readAll(node, lasting);
    clock.advance(60_000);
    const inner = ufs.beforeRead;
    ufs.beforeRead = () => {
      throw new UfsAnswerError({ status: 403, code: 'AccessDenied', message: 'no' });
    };
    expect(isKind(await refusalOf(node), 'ufs-answer')).toBe(true);
    ufs.beforeRead = inner;
    ufs.down = true;
    expect(isKind(await refusalOf(node), 'ufs-unavailable')).toBe(true);
    ufs.down = false;
    await readAll(node, lasting);
    ufs.down = true;
    clock.advance(60_000);
    expect(await refusalOf(node)).toBe('STALE');
    await node.close();
    const again = await nodes.open(ufs.asUfs(), { dataDir: opened.dataDir, clock });
    expect(isKind(await refusalOf(again.node), 'ufs-unavailable')).toBe(true);
  });

  it('is off where a mount does not say it, and where it always asks', async () => {
    ufs.put('a', 'old');
    const { node, clock } = await nodes.open(ufs.asUfs());
    const always = refOf('a', testMount({ freshness: 'always', staleIfErrorMs: 600_000 }));
    for (const one of [object, always]) await readAll(node, one);
    clock.advance(60_000);
    ufs.down = true;
    for (const one of [object, always])
      expect(isKind(await refusalOf(node, one), 'ufs-unavailable')).toBe(true);
  });
});
