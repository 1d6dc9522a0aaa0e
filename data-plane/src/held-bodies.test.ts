/** Short bodies come whole with their answers: whoever asked is told when all of it is here. */
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpenedObject } from '@forebay/core/cache-node';
import { isHere } from '@forebay/core/pieces';
import { descriptorOf } from '@forebay/core/socket-descriptor';
import { syscalls } from '@forebay/core/syscalls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { never, type Pair, Pairs } from './testing/pair.ts';
import { Clients, readAll } from './testing/relaying.ts';
import { contentOf, refOf } from './testing/scripted-node.ts';

const pairs = new Pairs();
const clients = new Clients();
const content = contentOf(128 * 1024);
let directory = '';
let pair: Pair;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-held-'));
  writeFileSync(join(directory, 'page'), content);
  pair = await pairs.open({ client: { connectionsMax: 1 } });
  pair.node.put('a', content);
  pair.node.answersAtOnce = true;
});
afterEach(async () => {
  clients.clear();
  await pairs.clear();
  rmSync(directory, { recursive: true });
});

function asked(): { readonly answer: Promise<OpenedObject>; readonly leave: () => void } {
  const { promise, resolve, reject } = Promise.withResolvers<OpenedObject>();
  const question = { object: refOf('a'), want: 'bytes', signal: never } as const;
  const leave = pair.remote.openSoon(question, (opened, error) =>
    opened?.kind === 'object' ? resolve(opened) : reject(error),
  );
  return { answer: promise, leave: leave ?? (() => {}) };
}

/** A file of which all can be lent at once. */
const lendsAll = () => ({ file: openSync(join(directory, 'page'), 'r'), random: () => 0.5 });

describe('a body that its node sends at once', { skip: !syscalls() }, () => {
  it('is here when its reader is told, for each of many on one connection', async () => {
    pair.node.lendsFrom = lendsAll();
    for (let round = 0; round < 5; round += 1) {
      const all = await Promise.all(Array.from({ length: 8 }, () => asked().answer));
      for (const { body } of all) {
        if (!body || body instanceof Uint8Array || !isHere(body)) throw new Error('it is not here');
        const { gateway, client } = await clients.open();
        const first = body.nextBytes(content.length) ?? Buffer.alloc(0);
        gateway.write(first);
        const passedBytes = body.passOn(descriptorOf(gateway)!);
        expect(first.length + passedBytes).toBe(content.length);
        gateway.end();
        expect((await readAll(client)).equals(content)).toBe(true);
        await body.return?.();
      }
    }
    expect([pair.remote.lentBytes, pair.remote.lentPipes]).toEqual([0, 0]);
    await vi.waitFor(() => expect(pair.node.bodiesOpen).toBe(0));
  });

  it('is given back where its reader left before', async () => {
    pair.node.lendsFrom = lendsAll();
    const left = Array.from({ length: 8 }, () => asked());
    const told = vi.fn();
    for (const { answer, leave } of left) {
      answer.then(told, told);
      leave();
    }
    const { body } = await asked().answer;
    await pair.remote.ping();
    expect(body !== undefined && !(body instanceof Uint8Array) && isHere(body)).toBe(true);
    expect(told).not.toHaveBeenCalled();
    await vi.waitFor(() => expect(pair.node.bodiesOpen).toBe(0));
    expect(pair.remote.lentPipes).toBe(1);
  });

  it('is told of at once where the rest takes its time', async () => {
    let go = () => {};
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    pair.node.beforePiece = (at) => (at === 0 ? undefined : gone);
    pair.node.pieceBytes = 70_000;
    const { body } = await asked().answer;
    if (!body || body instanceof Uint8Array) throw new Error('no stream');
    expect(isHere(body)).toBe(false);
    go();
    const pieces: Buffer[] = [];
    for await (const piece of body) pieces.push(Buffer.from(piece));
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
  });
});
