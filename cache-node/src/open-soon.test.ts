/** Opens whose answer takes a wait, without a promise for who asks. */
import type { AbsentObject, OpenedObject, OpenRequest } from '@forebay/core/cache-node';
import { faultyUfs } from '@forebay/ufs/faulty';
import { memoryUfs } from '@forebay/ufs/memory';
import { afterEach, expect, it, vi } from 'vitest';
import { bodyOf, KiB, readAll, refOf, TestNodes } from './testing/kit.ts';

const nodes = new TestNodes();
afterEach(() => nodes.clear());

const small = Buffer.alloc(4 * KiB, 'small');
const large = Buffer.from(Array.from({ length: 200 * KiB }, (_, at) => at % 253));
const store = () => faultyUfs(memoryUfs({ small, large }));

type Opened = OpenedObject | AbsentObject;

interface Asked {
  readonly answer: Promise<Opened>;
  readonly told: ReturnType<typeof vi.fn>;
  readonly request: AbortController;
  readonly leave: () => void;
}

async function opened(ufs: ReturnType<typeof store>) {
  const { node } = await nodes.open(ufs);
  const ask = (key: string): Asked => {
    const request = new AbortController();
    const question: OpenRequest = { object: refOf(key), want: 'bytes', signal: request.signal };
    const { promise: answer, resolve, reject } = Promise.withResolvers<Opened>();
    answer.catch(() => {});
    const told = vi.fn((found?: Opened, error?: unknown) => (found ? resolve(found) : reject(error)));
    return { answer, told, request, leave: node.openSoon(question, told) };
  };
  return { node, ask };
}

it('are answered as others are: bytes, streams, absences, errors', async () => {
  const ufs = store();
  const { node, ask } = await opened(ufs);
  const { body } = (await ask('small').answer) as OpenedObject;
  expect(body).toEqual(small);
  expect((await bodyOf((await ask('large').answer) as OpenedObject)).equals(large)).toBe(true);
  expect(await ask('none').answer).toMatchObject({ kind: 'absent', answer: { status: 404 } });
  expect((await readAll(node, refOf('small'))).bytes.equals(small)).toBe(true);
  ufs.failNext(99);
  await expect(ask('other').answer).rejects.toMatchObject({ kind: 'ufs-unavailable' });
});

it('are answered to nobody who left, and ask the UFS for nobody any more', async () => {
  const ufs = store();
  const { node, ask } = await opened(ufs);
  ufs.hold();
  const { told, leave } = ask('large');
  await ufs.whenHeld(1);
  leave();
  ufs.release();
  expect((await readAll(node, refOf('small'))).bytes.equals(small)).toBe(true);
  expect(told).not.toHaveBeenCalled();
  expect(ufs.readBytes).toBe(small.length);
});

it('end with the request whose stream they are', async () => {
  const ufs = store();
  const { ask } = await opened(ufs);
  const { answer, request } = ask('large');
  const { body } = (await answer) as OpenedObject;
  ufs.slow(() => new Promise(() => {}));
  const pieces = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  request.abort(new Error('the client has gone'));
  const rest = (async () => {
    while (!(await pieces.next()).done);
  })();
  await expect(rest).rejects.toThrow('the reader has left');
});
