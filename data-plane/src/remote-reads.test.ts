import { ForebayError, UfsAnswerError } from '@forebay/core/errors';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bytesOf, never, openObject, Pairs } from './testing/pair.ts';
import { contentOf, refOf } from './testing/scripted-node.ts';

const KiB = 1024;
const pairs = new Pairs();
afterEach(() => pairs.clear());

const object = refOf('models/a.bin');
const sizes = [0, 1, 16, 4 * KiB, 64 * KiB, 64 * KiB + 1, 300 * KiB, 3_000_000];

describe('reads', () => {
  it('bring the same bytes and the same words as the node gives', async () => {
    const { node, remote } = await pairs.open();
    for (const atOnce of [false, true]) {
      node.answersAtOnce = atOnce;
      for (const size of sizes) {
        const content = contentOf(size);
        const info = node.put(object.ufsKey, content, [['x-amz-meta-name', 'caf\u00e9']]);
        const opened = await openObject(remote, { object, want: 'bytes' });
        expect((await bytesOf(opened)).equals(content)).toBe(true);
        const { body: _, ...words } = opened;
        expect(words).toEqual({
          kind: 'object',
          cache: 'HIT',
          ageMs: 12.5,
          nodeId: 'scripted',
          info,
          condition: 'met',
          range: { start: 0, endExclusive: size },
          whole: true,
          pages: { hit: 1, total: 2 },
        });
      }
    }
    expect(node.bodiesOpen).toBe(0);
    expect(remote.lentBytes).toBe(0);
  });

  it('bring any range, in pieces of any size, through any window', async () => {
    const { node, address } = await pairs.open();
    // More than one frame holds.
    const content = contentOf(1_500_000);
    node.put(object.ufsKey, content);
    const cases = fc.record({
      windowBytes: fc.integer({ min: 1000, max: 1_500_000 }),
      pieceBytes: fc.integer({ min: 2000, max: 1_500_000 }),
      start: fc.nat({ max: 1_499_999 }),
      lengthBytes: fc.integer({ min: 1, max: 1_500_000 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ windowBytes, pieceBytes, start, lengthBytes }) => {
        const remote = await pairs.connect({ address, secret: 'a secret of the tests', windowBytes });
        node.pieceBytes = pieceBytes;
        const range = { kind: 'span', start, endExclusive: start + lengthBytes } as const;
        const opened = await openObject(remote, { object, want: 'bytes', range });
        expect((await bytesOf(opened)).equals(content.subarray(start, start + lengthBytes))).toBe(true);
        expect(remote.lentBytes).toBe(0);
        remote.close();
      }),
      { numRuns: 40 },
    );
  });
});

describe('what a read asks for', () => {
  it('reaches the node as it was asked', async () => {
    const { node, remote } = await pairs.open();
    node.put(object.ufsKey, contentOf(1000));
    const questions = [
      { object, want: 'info' },
      { object: { ...object, versionId: 'v1' }, want: 'bytes', needChecksums: true },
      { object, want: 'bytes', range: { kind: 'from', start: 3 } },
      { object, want: 'bytes', range: { kind: 'suffix', lengthBytes: 3 } },
      { object, want: 'bytes', range: { kind: 'span', start: 2 ** 40, endExclusive: 2 ** 50 } },
      { object, want: 'bytes', conditions: { ifMatch: '"x", W/"\u00e9"', ifNoneMatch: '*' } },
      { object, want: 'bytes', conditions: { ifModifiedSinceMs: 1, ifUnmodifiedSinceMs: 2 } },
      { object, want: 'bytes', ifRange: { etag: '"e"' } },
      { object, want: 'bytes', ifRange: { lastModifiedMs: 1_700_000_000_000 } },
      { object: refOf('\u{1f600} ../\0?'), want: 'info' },
    ] as const;
    for (const question of questions) {
      await remote.open({ ...question, signal: new AbortController().signal });
      const { signal: _, ...asked } = node.requests.at(-1)!;
      expect(asked).toEqual({ needChecksums: false, ...question });
    }
  });

  it('is answered with what was found: not modified, failed conditions, ranges of nothing, nothing', async () => {
    const { node, remote } = await pairs.open();
    const { etag } = node.put(object.ufsKey, contentOf(1000));
    const ask = (more: object) => openObject(remote, { object, want: 'bytes', ...more });
    expect(await ask({ conditions: { ifNoneMatch: etag } })).toMatchObject({
      condition: 'not-modified',
      body: undefined,
    });
    expect(await ask({ conditions: { ifMatch: '"other"' } })).toMatchObject({
      condition: { failed: 'If-Match' },
      body: undefined,
    });
    expect(await ask({ conditions: { ifUnmodifiedSinceMs: 5 } })).toMatchObject({
      condition: { failed: 'If-Unmodified-Since' },
    });
    expect(await ask({ range: { kind: 'from', start: 1000 } })).toMatchObject({
      range: 'unsatisfiable',
      whole: false,
      body: undefined,
    });
    expect(
      await remote.open({ object: refOf('none'), want: 'bytes', signal: AbortSignal.timeout(9999) }),
    ).toEqual({
      kind: 'absent',
      cache: 'HIT',
      ageMs: 12.5,
      nodeId: 'scripted',
      answer: { status: 404, code: 'NoSuchKey', message: 'no such key' },
    });
  });

  it('gives the same object for the same info', async () => {
    const { node, remote } = await pairs.open();
    node.put(object.ufsKey, contentOf(10));
    const one = await openObject(remote, { object, want: 'info' });
    expect((await openObject(remote, { object, want: 'info' })).info).toBe(one.info);
  });
});

describe('errors', () => {
  it('keep their kind, their answer and their pause', async () => {
    const { node, remote } = await pairs.open();
    const fields = [['BucketName', 'lake']] as const;
    const answer = {
      status: 403,
      code: 'AccessDenied',
      message: 'no',
      fields,
      headers: [['a', 'b']] as const,
    };
    const errors = [
      new UfsAnswerError(answer),
      new ForebayError('overloaded', 'later', { retryAfterMs: 1234 }),
      new ForebayError('version-changed', 'changed'),
      new ForebayError('ufs-unavailable', 'gone'),
    ];
    for (const error of errors) {
      node.beforeAnswer = () => Promise.reject(error);
      const thrown = await openObject(remote, { object, want: 'bytes' }).catch((caught: unknown) => caught);
      expect(thrown).toBeInstanceOf(error.constructor);
      const { kind, message, retryAfterMs } = error;
      expect(thrown).toMatchObject({ kind, message, retryAfterMs });
      if (error instanceof UfsAnswerError) expect(thrown).toMatchObject({ answer });
    }
  });

  it('of an open that is answered at once are its own, and others on the connection go on', async () => {
    const { node, remote } = await pairs.open({ client: { connectionsMax: 1 } });
    const content = contentOf(3_000_000);
    node.put('a', content);
    const body = await openObject(remote, { object: refOf('a'), want: 'bytes' });
    node.openNow = () => {
      throw new ForebayError('overloaded', 'no room');
    };
    await expect(remote.open({ object: refOf('a'), want: 'info', signal: never })).rejects.toMatchObject({
      kind: 'overloaded',
    });
    expect((await bytesOf(body)).equals(content)).toBe(true);
  });

  it('break a body where it breaks, after the bytes before, with their kind', async () => {
    const { node, remote } = await pairs.open();
    const content = contentOf(1_000_000);
    node.put(object.ufsKey, content);
    node.beforePiece = (at) =>
      at < 300_000 ? undefined : Promise.reject(new ForebayError('version-changed', 'it is another'));
    const { body } = await openObject(remote, { object, want: 'bytes' });
    const got: Buffer[] = [];
    const read = async () => {
      for await (const piece of body as AsyncIterable<Uint8Array>) got.push(Buffer.from(piece));
    };
    await expect(read()).rejects.toMatchObject({ kind: 'version-changed', message: 'it is another' });
    expect(Buffer.concat(got).equals(content.subarray(0, 300_000))).toBe(true);
    await vi.waitFor(() => expect(node.bodiesOpen).toBe(0));
    expect(remote.lentBytes).toBe(0);
  });

  it('of a short body are errors of its open', async () => {
    const { node, remote } = await pairs.open();
    node.put(object.ufsKey, contentOf(1000));
    node.beforePiece = () => Promise.reject(new ForebayError('ufs-unavailable', 'gone'));
    await expect(openObject(remote, { object, want: 'bytes' })).rejects.toMatchObject({
      kind: 'ufs-unavailable',
    });
  });
});
