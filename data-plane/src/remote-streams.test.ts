import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bytesOf, never, openObject, Pairs, secret } from './testing/pair.ts';
import { contentOf, refOf } from './testing/scripted-node.ts';

const KiB = 1024;
const pairs = new Pairs();
afterEach(() => pairs.clear());

const object = refOf('a');
const large = contentOf(4_000_000);

function iteratorOf(body: unknown): AsyncIterator<Uint8Array> {
  return (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
}

describe('a reader', () => {
  it('that leaves before its answer stops the open at the node', async () => {
    const { node, server, remote } = await pairs.open();
    node.put('a', large);
    node.beforeAnswer = ({ signal }) => once(signal, 'abort').then(() => signal.throwIfAborted());
    const left = new AbortController();
    const opening = remote.open({ object, want: 'bytes', signal: left.signal });
    await vi.waitFor(() => expect(node.requests).toHaveLength(1));
    left.abort(new Error('left'));
    await expect(opening).rejects.toThrow('left');
    await vi.waitFor(() => expect(server.streamCount).toBe(0));
    await expect(remote.open({ object, want: 'bytes', signal: left.signal })).rejects.toThrow('left');
  });

  it('that leaves in the middle of a body, by its signal or by returning it, frees it at the node', async () => {
    const { node, server, remote } = await pairs.open();
    node.put('a', large);
    for (const how of ['signal', 'return'] as const) {
      const left = new AbortController();
      const { body } = await openObject(remote, { object, want: 'bytes' }, left.signal);
      const pieces = iteratorOf(body);
      await pieces.next();
      if (how === 'return') await pieces.return?.();
      else {
        left.abort();
        await expect(pieces.next()).rejects.toMatchObject({ kind: 'ufs-unavailable' });
      }
      await vi.waitFor(() => expect(node.bodiesOpen).toBe(0));
      expect(server.streamCount).toBe(0);
      expect(remote.lentBytes).toBe(0);
    }
    // What was on its way for those who left disturbs nobody.
    expect((await bytesOf(await openObject(remote, { object, want: 'bytes' }))).equals(large)).toBe(true);
  });

  it('that leaves while the node waits for the next piece frees it too', async () => {
    const { node, remote } = await pairs.open();
    node.put('a', large);
    node.beforePiece = (at) => (at > 0 ? new Promise(() => {}) : undefined);
    const { body } = await openObject(remote, { object, want: 'bytes' });
    const pieces = iteratorOf(body);
    await pieces.next();
    await pieces.return?.();
    await vi.waitFor(() => expect(node.bodiesOpen).toBe(0));
  });

  it('that is slow holds its window and no more, and hinders no other on its connection', async () => {
    const windowBytes = 300 * KiB;
    const { node, remote } = await pairs.open({ client: { connectionsMax: 1, windowBytes, splice: false } });
    node.put('a', large);
    const offsets: number[] = [];
    node.beforePiece = (at) => void offsets.push(at);
    const slow = await Promise.all(
      Array.from({ length: 10 }, () => openObject(remote, { object, want: 'bytes' })),
    );
    const quick = await openObject(remote, { object, want: 'bytes' });
    expect((await bytesOf(quick)).equals(large)).toBe(true);
    // Each piece is in a buffer of less than twice its size, or of 4 KiB.
    expect(remote.lentBytes).toBeLessThanOrEqual(10 * 2 * windowBytes + 10 * 4 * 4 * KiB);
    expect(node.bodiesOpen).toBe(10);
    for (const opened of slow) expect((await bytesOf(opened)).equals(large)).toBe(true);
    expect(remote.lentBytes).toBe(0);
  });

  it('shares few connections with many others', async () => {
    const { node, remote } = await pairs.open({ client: { connectionsMax: 3 } });
    const sizes = Array.from({ length: 200 }, (_, index) => 1 + ((index * 7919) % 400_000));
    for (const [index, size] of sizes.entries()) node.put(`k${index}`, contentOf(size, index));
    const reads = sizes.map(async (size, index) => {
      const bytes = await bytesOf(await openObject(remote, { object: refOf(`k${index}`), want: 'bytes' }));
      return bytes.equals(contentOf(size, index));
    });
    expect(new Set(await Promise.all(reads))).toEqual(new Set([true]));
    expect(remote.lentBytes).toBe(0);
    expect(node.bodiesOpen).toBe(0);
  });

  it('is refused over the bound of streams on a connection, and others go on', async () => {
    const server = { streamsPerConnectionMax: 2 };
    const { node, remote } = await pairs.open({ server, client: { connectionsMax: 1 } });
    node.put('a', large);
    const opened = await Promise.all([1, 2].map(() => openObject(remote, { object, want: 'bytes' })));
    await expect(openObject(remote, { object, want: 'bytes' })).rejects.toMatchObject({ kind: 'overloaded' });
    for (const each of opened) expect((await bytesOf(each)).equals(large)).toBe(true);
  });

  it('gets what came before, then an error, where the node dies', async () => {
    const { node, server, remote } = await pairs.open();
    node.put('a', large);
    node.beforePiece = (at) => (at >= 200_000 ? new Promise(() => {}) : undefined);
    const { body } = await openObject(remote, { object, want: 'bytes' });
    const pieces = iteratorOf(body);
    const first = await pieces.next();
    expect(large.subarray(0, first.value!.byteLength).equals(first.value!)).toBe(true);
    await server.close();
    const rest = async () => {
      while (!(await pieces.next()).done);
    };
    await expect(rest()).rejects.toMatchObject({ kind: 'node-unavailable' });
    expect(remote.lentBytes).toBe(0);
    await vi.waitFor(() => expect(node.bodiesOpen).toBe(0));
  });

  it('waits no longer for a node that is silent than it was told to', async () => {
    const { address } = await pairs.open();
    // Lets the handshake through, and nothing after it.
    const sockets: Socket[] = [];
    const proxy = createServer((client) => {
      const upstream = connect(address as { host: string; port: number });
      sockets.push(client, upstream);
      client.pipe(upstream);
      let passedBytes = 0;
      upstream.on('data', (bytes) => {
        if (passedBytes < 90) client.write(bytes);
        passedBytes += bytes.length;
      });
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as { port: number };
    const remote = await pairs.connect({ address: { host: '127.0.0.1', port }, secret, silenceMs: 50 });
    await expect(remote.open({ object, want: 'info', signal: never })).rejects.toMatchObject({
      kind: 'node-unavailable',
    });
    await expect(remote.ping()).rejects.toMatchObject({ kind: 'node-unavailable' });
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });

  it('hears a node that does nothing but live', async () => {
    const { node, server, remote } = await pairs.open();
    node.beforeAnswer = () => new Promise(() => {});
    void remote.open({ object, want: 'info', signal: never }).catch(() => {});
    await remote.ping();
    await Promise.all([remote.ping(), remote.ping()]);
    await server.close();
    await expect(remote.ping()).rejects.toMatchObject({ kind: 'node-unavailable' });
  });
});
