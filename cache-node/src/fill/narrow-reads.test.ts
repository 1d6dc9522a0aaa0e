import { randomBytes } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { readAll, refOf, TestNodes, testMount } from '../testing/kit.ts';
import { StepUfs } from '../testing/step-ufs.ts';

const KiB = 1024;
const nodes = new TestNodes();
afterEach(() => nodes.clear());

it.each(['ttl', 'always'] as const)(
  'footers that are read again: each is kept at its second read, freshness %s',
  async (freshness) => {
    const ufs = new StepUfs();
    const file = randomBytes(4 * 1024 * KiB);
    const mount = testMount({ amplificationMax: 1.2, pageSizeBytes: 1024 * KiB, freshness });
    const keys = Array.from({ length: 30 }, (_, at) => `file-${at}`);
    for (const key of keys) ufs.put(key, file);
    ufs.pieceBytes = 64 * KiB;
    const { node } = await nodes.open(ufs.asUfs(), {
      settings: { cacheSizeBytes: 1024 ** 3 },
    });
    for (let pass = 0; pass < 2; pass += 1) {
      for (const key of keys) await readAll(node, refOf(key, mount), { kind: 'suffix', lengthBytes: 20_000 });
    }
    await expect.poll(async () => (await node.stats()).fillsInFlight).toBe(0);
    const kept = freshness === 'ttl' ? 'HIT' : 'REVALIDATED';
    for (const key of keys) {
      const last = await readAll(node, refOf(key, mount), { kind: 'suffix', lengthBytes: 20_000 });
      expect(last.cache).toBe(kept);
    }
  },
);
