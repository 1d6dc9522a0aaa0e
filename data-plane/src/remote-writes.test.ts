import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { ForebayError } from '@forebay/core/errors';
import { parseKeyPattern } from '@forebay/core/key-pattern';
import { MountTable } from '@forebay/core/mount';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { anyPort, never, openObject, Pairs, secret } from './testing/pair.ts';
import { contentOf, lake, mountOf, refOf, ScriptedNode } from './testing/scripted-node.ts';

const waitMs = 5000;
const pairs = new Pairs();
afterEach(() => pairs.clear());

describe('writes', () => {
  it('open and close fences at the node', async () => {
    const { node, remote } = await pairs.open();
    const objects = [refOf('a'), { ...refOf('\ud83d\ude00"\n'), versionId: 'v' }];
    await remote.beginWrite(objects, 'f1');
    expect(await remote.endWrite(objects, 'f1', 'unknown')).toEqual({ fenceId: 'f1', ended: true });
    await remote.beginBucketWrite(lake, 'f2');
    expect(await remote.endBucketWrite(lake, 'f2', 'known')).toEqual({ fenceId: 'f2', ended: true });
    expect(node.calls).toEqual([
      'begin f1 /lake:a,/lake:\ud83d\ude00"\nv',
      'end f1 /lake:a,/lake:\ud83d\ude00"\nv unknown',
      'begin bucket f2 lake',
      'end bucket f2 lake known',
    ]);
  });

  it('are refused where the node opens no more fences', async () => {
    const { node, remote } = await pairs.open();
    node.onWrite = () => {
      throw new ForebayError('overloaded', 'too many fences');
    };
    await expect(remote.beginWrite([refOf('a')], 'f')).rejects.toMatchObject({ kind: 'overloaded' });
  });

  it('of a thousand keys of the longest kind fit into one request', async () => {
    const { node, remote } = await pairs.open();
    const objects = Array.from({ length: 1000 }, (_, index) => refOf(`${index}${'\x01'.repeat(1000)}`));
    await remote.beginWrite(objects, 'f');
    expect(node.calls[0]!.split(',')).toHaveLength(1000);
  });

  it('that a gateway which is gone left open end by themselves, with an outcome that nobody knows', async () => {
    const { node, remote } = await pairs.open({ server: { clientGraceMs: 1 } });
    await remote.beginWrite([refOf('a')], 'f1');
    await remote.beginBucketWrite(lake, 'f2');
    await remote.beginWrite([refOf('b')], 'f3');
    await remote.endWrite([refOf('b')], 'f3', 'known');
    node.calls.splice(0);
    remote.close();
    await vi.waitFor(() => expect(node.calls).toHaveLength(2));
    expect(node.calls).toEqual(['end f1 /lake:a unknown', 'end bucket f2 lake unknown']);
  });

  it('say by which epoch the node was chosen, and hear that it is not the home', async () => {
    const { node, remote } = await pairs.open();
    await remote.beginWrite([refOf('a')], 'f', 7);
    await remote.endWrite([refOf('a')], 'f', 'known', 8);
    await remote.beginBucketWrite(lake, 'g', 9);
    await remote.endBucketWrite(lake, 'g', 'unknown', 10);
    expect(node.calls).toEqual([
      'begin f /lake:a of 7',
      'end f /lake:a known of 8',
      'begin bucket g lake of 9',
      'end bucket g lake unknown of 10',
    ]);
    node.onWrite = () => {
      throw new ForebayError('not-home', 'another node is');
    };
    await expect(remote.beginWrite([refOf('a')], 'h', 7)).rejects.toMatchObject({ kind: 'not-home' });
  });

  it('end for what the client says, and what was opened besides is closed', async () => {
    const { node, remote } = await pairs.open();
    await remote.beginWrite([refOf('a'), refOf('b')], 'f', 1);
    node.onWrite = (call) => {
      if (call.includes('b known')) throw new ForebayError('not-home', 'another node is');
    };
    await remote.endWrite([refOf('a'), refOf('c')], 'f', 'known', 2);
    expect(node.calls).toEqual(['begin f /lake:a,/lake:b of 1', 'end f /lake:a,/lake:c known of 2']);
  });

  it('whose begin or end was not answered end once the node can be reached again', async () => {
    for (const broken of ['begin f', 'end f']) {
      const { node, server, remote, address } = await pairs.open();
      let closed: Promise<void> | undefined;
      node.onWrite = (call) => {
        if (call.startsWith(broken)) closed ??= server.close();
      };
      const write = async () => {
        await remote.beginWrite([refOf('a')], 'f');
        await remote.endWrite([refOf('a')], 'f', 'known');
      };
      await expect(write()).rejects.toMatchObject({ kind: 'node-unavailable' });
      await closed;
      const before = node.calls.length;
      const mounts = new MountTable([lake]);
      await pairs.serve({ node, mounts: () => mounts, secret }, address);
      await vi.waitFor(() => expect(node.calls.slice(before)).toEqual(['end f /lake:a known']), waitMs);
    }
  });

  it('begin on another connection where the only one breaks', async () => {
    const { node, address } = await pairs.open();
    const clients: Socket[] = [];
    const between = createServer((client) => {
      clients.push(client);
      const onward = connect(address as { host: string; port: number });
      client.pipe(onward).pipe(client);
      for (const socket of [client, onward]) socket.on('error', () => {});
    });
    await once(between.listen(0, '127.0.0.1'), 'listening');
    const { port } = between.address() as AddressInfo;
    const place = { host: '127.0.0.1', port };
    const remote = await pairs.connect({ address: place, secret, connectionsMax: 1 });
    node.onWrite = () => {
      for (const client of clients.splice(0, 1)) client.destroy();
      node.onWrite = () => {};
    };
    await remote.beginWrite([refOf('a')], 'f');
    expect(node.calls).toEqual(['begin f /lake:a', 'begin f /lake:a']);
    for (const client of clients) client.destroy();
    between.close();
  });

  it('do not begin after their end, as what a broken connection brings late might say', async () => {
    const { node, remote } = await pairs.open();
    await remote.beginWrite([refOf('a')], 'f');
    await remote.endWrite([refOf('a')], 'f', 'known');
    await expect(remote.beginWrite([refOf('a')], 'f')).rejects.toMatchObject({ kind: 'not-home' });
    expect(node.calls).toEqual(['begin f /lake:a', 'end f /lake:a known']);
  });

  it('end also where their mount is gone by then', async () => {
    let mounts = new MountTable([lake]);
    const { node, remote } = await pairs.open({ server: { mounts: () => mounts } });
    await remote.beginWrite([refOf('a')], 'f1');
    mounts = new MountTable([]);
    await remote.endWrite([refOf('a')], 'f1', 'known');
    expect(node.calls).toEqual(['begin f1 /lake:a', 'end f1 /lake:a known']);
  });
});

describe('mounts', () => {
  it('that were replaced under their path are not taken for each other, and tried again until both sides know', async () => {
    const moved = mountOf('/lake=s3://elsewhere?endpoint=http://127.0.0.1:1');
    let mounts = new MountTable([lake]);
    const { node, remote } = await pairs.open({ server: { mounts: () => mounts } });
    node.put('a', contentOf(10));
    const object = refOf('a', moved);
    await expect(openObject(remote, { object, want: 'info' })).rejects.toMatchObject({
      kind: 'node-unavailable',
    });
    expect(node.requests).toEqual([]);
    const later = openObject(remote, { object, want: 'info' });
    mounts = new MountTable([moved]);
    await later;
    expect(node.requests[0]!.object.mount).toBe(moved);
  });

  it('that are buckets of the pattern mount arrive as these', async () => {
    const pattern = mountOf('/{bucket}=s3://{bucket}?endpoint=http://127.0.0.1:1');
    const [here, there] = [new MountTable([pattern]), new MountTable([{ ...pattern, createdAtMs: 7 }])];
    const { node, remote } = await pairs.open({ server: { mounts: () => there } });
    node.put('a', contentOf(10));
    for (const bucket of ['one', 'two']) {
      await openObject(remote, { object: here.resolve(bucket, 'a')!, want: 'info' });
      expect(node.requests.at(-1)!.object.mount).toBe(there.resolve(bucket, 'a')!.mount);
    }
  });
});

describe('what a node tells of itself', () => {
  it('comes as it tells it', async () => {
    const { remote } = await pairs.open();
    expect(await remote.stats()).toEqual({ nodeId: 'scripted', fencesOpen: 7 });
    const range = { kind: 'from', start: 3 } as const;
    expect(await remote.stat({ object: refOf('a'), want: 'bytes', range })).toEqual({
      nodeId: `a bytes ${JSON.stringify(range)}`,
      policy: { maxObjectSizeBytes: Number.POSITIVE_INFINITY },
    });
  });

  it('while pages are freed comes from time to time, and stops where the caller leaves', async () => {
    const { node, remote } = await pairs.open();
    const progress: unknown[] = [];
    const keys = parseKeyPattern('s3://lake/hot/');
    const freed = { pages: 1, bytes: 2, pinnedPages: 3, pinnedBytes: 4 };
    const ask = { keys, pinned: true, dryRun: false, onProgress: (now: unknown) => progress.push(now) };
    expect(await remote.free({ ...ask, signal: never })).toEqual({ ...freed, pages: 10 });
    expect(progress).toEqual([freed]);
    expect(node.calls).toEqual(['free s3://lake/hot/ true false']);
    node.beforePiece = () => new Promise(() => {});
    const left = new AbortController();
    const leaving = remote.free({ ...ask, signal: left.signal });
    await vi.waitFor(() => expect(progress).toHaveLength(2));
    left.abort(new Error('left'));
    await expect(leaving).rejects.toThrow('left');
  });

  it('beside the contract is called by name', async () => {
    const calls = { add: (given: unknown) => (given as number[]).reduce((sum, each) => sum + each, 0) };
    const { remote } = await pairs.open({ server: { calls } });
    expect(await remote.call('add', [1, 2, 3])).toBe(6);
    await expect(remote.call('toString', [])).rejects.toThrow('there is no call');
  });
});

describe('a node', () => {
  it('lets nobody in with another secret, and nobody trusts a node with another', async () => {
    const { address } = await pairs.open();
    const strange = pairs.connect({ address, secret: 'another secret, as long' });
    await expect(strange).rejects.toMatchObject({ kind: 'node-unavailable' });
    await expect(strange).rejects.toThrow('the secrets are not the same');
    await expect(pairs.connect({ address, secret: 'short' })).rejects.toThrow('at least 16 bytes');
  });

  it('that was started again is found again, by reads and by writes', async () => {
    const { node, server, remote, address } = await pairs.open();
    node.put('a', contentOf(10));
    await openObject(remote, { object: refOf('a'), want: 'info' });
    await server.close();
    await expect(openObject(remote, { object: refOf('a'), want: 'info' })).rejects.toMatchObject({
      kind: 'node-unavailable',
    });
    const again = new ScriptedNode();
    again.put('a', contentOf(20));
    const mounts = new MountTable([lake]);
    await pairs.serve({ node: again, mounts: () => mounts, secret }, address);
    expect((await openObject(remote, { object: refOf('a'), want: 'info' })).info.sizeBytes).toBe(20);
    await remote.endWrite([refOf('a')], 'f', 'known');
    expect(again.calls).toEqual(['end f /lake:a known']);
  });

  it('that cannot be reached is an error that says so', async () => {
    const { server, address } = await pairs.open();
    await server.close();
    await expect(pairs.connect({ address, secret })).rejects.toMatchObject({ kind: 'node-unavailable' });
    await expect(pairs.connect({ address: anyPort, secret })).rejects.toMatchObject({
      kind: 'node-unavailable',
    });
  });
});
