import { ForebayError } from '@forebay/core/errors';
import { memoryUfs } from '@forebay/ufs/memory';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { S3Answer } from './s3/types.ts';
import { DirectCacheNode } from './testing/direct-cache-node.ts';
import { testMount } from './testing/test-mount.ts';
import { ObjectWriter, type WriteHandler } from './write-object.ts';

function setUp(options: { readOnly?: boolean } = {}) {
  const ufs = memoryUfs();
  const home = new DirectCacheNode(() => ufs);
  const object = { mount: testMount({ bucket: 'b', ...options }), ufsKey: 'k' };
  return { home, object, writer: new ObjectWriter(home) };
}

const events = (home: DirectCacheNode) => home.fences.map(({ event, outcome }) => [event, outcome]);

describe('writing an object', () => {
  it('opens the fence before the request to the UFS and lifts it before there is an answer', async () => {
    const { home, object, writer } = setUp();
    const result = await writer.write([object], async () => {
      expect(events(home)).toEqual([['begin', undefined]]);
      return 'etag';
    });
    expect(events(home)).toEqual([
      ['begin', undefined],
      ['end', 'known'],
    ]);
    expect(new Set(home.fences.map(({ fenceId }) => fenceId)).size).toBe(1);
    const answer = result.answer((value) => ({ status: 200, headers: [['etag', value]] }));
    expect(answer).toMatchObject({ status: 200, headers: [['etag', 'etag']] });
  });

  it('sends nothing where the home refuses the fence', async () => {
    const { home, object, writer } = setUp();
    home.failBegin = new ForebayError('overloaded', 'too many fences');
    let sent = false;
    const write = writer.write([object], async () => {
      sent = true;
    });
    await expect(write).rejects.toMatchObject({ kind: 'overloaded' });
    expect(sent).toBe(false);
  });

  it('leaves the object unsettled where the outcome is unknown, and only there', async () => {
    for (const [kind, outcome] of [
      ['state-unknown', 'unknown'],
      ['ufs-unavailable', 'known'],
    ] as const) {
      const { home, object, writer } = setUp();
      const failure = new ForebayError(kind, 'no answer');
      await expect(writer.write([object], () => Promise.reject(failure))).rejects.toBe(failure);
      expect(events(home).at(-1)).toEqual(['end', outcome]);
    }
  });

  it('says "state unknown" where the home does not confirm the end, whatever the UFS said', async () => {
    const { home, object, writer } = setUp();
    home.failEnd = new Error('lost');
    await expect(writer.write([object], async () => 'done')).rejects.toMatchObject({ kind: 'state-unknown' });
    const refused = writer.write([object], () => Promise.reject(new Error('refused')));
    await expect(refused).rejects.toMatchObject({ kind: 'state-unknown' });
  });

  it('has no type for a success without the proof that the fence was lifted, late or not', async () => {
    const { object, writer } = setUp();
    const bare = { status: 200, headers: [] } as const;
    const proven = writer.write([object], async () => 1).then((result) => result.answer(() => bare));
    const withoutProof = { early: async () => bare, late: async () => late(Promise.resolve(bare)) };
    const withProof = { early: () => proven, late: async () => late(proven) };
    const late = <A extends S3Answer>(answer: Promise<A>) => ({ ...bare, late: answer });
    expectTypeOf(withoutProof.early).not.toExtend<WriteHandler>();
    expectTypeOf(withoutProof.late).not.toExtend<WriteHandler>();
    expectTypeOf(withProof.early).toExtend<WriteHandler>();
    expectTypeOf(withProof.late).toExtend<WriteHandler>();
    expect(await (await withProof.late()).late).toMatchObject(bare);
  });

  it('refuses read-only mounts before anything happens', async () => {
    const { home, object, writer } = setUp({ readOnly: true });
    await expect(writer.write([object], async () => 'done')).rejects.toMatchObject({ code: 'AccessDenied' });
    expect(home.fences).toEqual([]);
  });
});
