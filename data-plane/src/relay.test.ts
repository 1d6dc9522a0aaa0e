import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ForebayError } from '@forebay/core/errors';
import { syscalls } from '@forebay/core/syscalls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openObject, type Pair, Pairs } from './testing/pair.ts';
import { Clients, readAll, relay } from './testing/relaying.ts';
import { contentOf, refOf } from './testing/scripted-node.ts';

const pairs = new Pairs();
const object = refOf('a');
const content = contentOf(5_000_000);
let directory = '';
let file = 0;
const clients = new Clients();

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-relay-'));
  writeFileSync(join(directory, 'page'), content);
  file = openSync(join(directory, 'page'), 'r');
});
afterEach(async () => {
  clients.clear();
  await pairs.clear();
  rmSync(directory, { recursive: true });
});

function lendsFrom(pair: Pair): void {
  let state = 7;
  pair.node.lendsFrom = {
    file,
    random: () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    },
  };
}

describe('a body that is passed on', { skip: !syscalls() }, () => {
  it.each([
    ['pieces, to a client that reads', false, 0],
    ['pieces, to a client that is slow', false, 3],
    ['files, to a client that reads', true, 0],
    ['files, to a client that is slow', true, 3],
  ])('has its bytes, of %s', async (_, lends, pauseEvery) => {
    const pair = await pairs.open({ client: { connectionsMax: 1 } });
    pair.node.put('a', content);
    if (lends) lendsFrom(pair);
    const reads = Array.from({ length: 4 }, async (__, index) => {
      const { gateway, client } = await clients.open();
      const range = { kind: 'from', start: index } as const;
      const { body } = await openObject(pair.remote, { object, want: 'bytes', range });
      const reading = readAll(client, pauseEvery);
      const passedBytes = await relay(body, gateway);
      gateway.end();
      expect((await reading).equals(content.subarray(index))).toBe(true);
      return passedBytes;
    });
    const passed = await Promise.all(reads);
    expect(Math.max(...passed)).toBeGreaterThan(1_000_000);
    const { remote, node } = pair;
    expect([remote.lentBytes, remote.lentPipes]).toEqual([0, 0]);
    await vi.waitFor(() => expect(node.bodiesOpen).toBe(0));
  });

  it('leaves nothing behind for the next where its client goes in the middle', async () => {
    const pair = await pairs.open({ client: { connectionsMax: 1 } });
    const { remote, node } = pair;
    node.put('a', content);
    for (let round = 0; round < 10; round += 1) {
      const gone = await clients.open();
      const { body } = await openObject(remote, { object, want: 'bytes' });
      const relaying = relay(body, gone.gateway);
      await once(gone.client, 'data');
      gone.client.resetAndDestroy();
      await relaying;
      expect(gone.gateway.destroyed).toBe(true);
      const { gateway, client } = await clients.open();
      const next = await openObject(remote, { object, want: 'bytes' });
      const reading = readAll(client);
      await relay(next.body, gateway);
      gateway.end();
      expect((await reading).equals(content)).toBe(true);
    }
    expect([remote.lentBytes, remote.lentPipes]).toEqual([0, 0]);
    await vi.waitFor(() => expect(node.bodiesOpen).toBe(0));
  });

  it('breaks where it breaks, after the bytes before', async () => {
    const { remote, node } = await pairs.open();
    node.put('a', content);
    node.beforePiece = (at) =>
      at < 1_000_000 ? undefined : Promise.reject(new ForebayError('version-changed', 'it is another'));
    const { gateway, client } = await clients.open();
    const { body } = await openObject(remote, { object, want: 'bytes' });
    const reading = readAll(client);
    await expect(relay(body, gateway)).rejects.toMatchObject({ kind: 'version-changed' });
    gateway.end();
    expect((await reading).equals(content.subarray(0, 1_000_000))).toBe(true);
    expect([remote.lentBytes, remote.lentPipes]).toEqual([0, 0]);
  });

  it('hinders no other on its connection where its client does not read', async () => {
    const { remote, node } = await pairs.open({ client: { connectionsMax: 1 } });
    node.put('a', content);
    const stuck = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const { gateway, client } = await clients.open();
        client.pause();
        const { body } = await openObject(remote, { object, want: 'bytes' });
        return { client, relaying: relay(body, gateway) };
      }),
    );
    const { gateway, client } = await clients.open();
    const { body } = await openObject(remote, { object, want: 'bytes' });
    const reading = readAll(client);
    await relay(body, gateway);
    gateway.end();
    expect((await reading).equals(content)).toBe(true);
    for (const { client: slow } of stuck) slow.destroy();
    await Promise.all(stuck.map(({ relaying }) => relaying));
    expect([remote.lentBytes, remote.lentPipes]).toEqual([0, 0]);
  });

  it('goes in pieces where there are no pipes', async () => {
    const { remote, node } = await pairs.open({ client: { splice: false } });
    node.put('a', content);
    const { gateway, client } = await clients.open();
    const { body } = await openObject(remote, { object, want: 'bytes' });
    const reading = readAll(client);
    expect(await relay(body, gateway)).toBe(0);
    gateway.end();
    expect((await reading).equals(content)).toBe(true);
  });
});
