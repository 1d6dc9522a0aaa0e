import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { bytesOf, errorOf, openStore, type RawRequest, reply } from './testing/raw-server.ts';

const kindOf = async (promise: Promise<unknown>) => (await errorOf(promise))?.kind ?? 'no error';

describe('a reader that leaves', () => {
  it('closes its own connection and no other', async () => {
    const head = 'HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n';
    const { ufs, server } = await openStore(({ write, target }) => write(`${head}${target}`));
    const [left, stays] = await Promise.all([ufs.get('left'), ufs.get('stays')]);
    const socketOf = (target: string) => server.requests.find((one) => one.target.endsWith(target))!.socket;
    const closed = once(socketOf('left'), 'close');
    await left.body[Symbol.asyncIterator]().return?.();
    await closed;
    expect(socketOf('stays').destroyed).toBe(false);
    socketOf('stays').write('x'.repeat(1_000_000 - '/lake/stays'.length));
    expect((await bytesOf(stays.body)).length).toBe(1_000_000);
  });

  it('with little left keeps the connection for the next request, as HEAD does', async () => {
    const { ufs, server } = await openStore(
      ({ write, method }) =>
        write(method === 'HEAD' ? reply(200).replace(': 0', ': 60000') : reply(200, 'x'.repeat(60_000))),
      { connectionsMax: 1 },
    );
    for (let round = 0; round < 3; round += 1) {
      for await (const _piece of (await ufs.get('k')).body) break;
      expect((await ufs.head('k')).sizeBytes).toBe(60_000);
    }
    expect(server.connectionCount).toBe(1);
  });

  it('by its signal gets its own reason, before the head and in the body', async () => {
    const arrived = Promise.withResolvers<void>();
    const { ufs } = await openStore(({ write, index }) => {
      if (index === 0) arrived.resolve();
      else write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
    });
    const first = new AbortController();
    const waiting = ufs.get('k', { signal: first.signal });
    await arrived.promise;
    first.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    const second = new AbortController();
    const { body } = await ufs.get('k', { signal: second.signal });
    const reading = bytesOf(body);
    second.abort(new Error('gone too'));
    await expect(reading).rejects.toThrow('gone too');
  });
});

describe('limits', () => {
  it('refuses what waits too long for a connection, and serves on once one is free', async () => {
    const { ufs } = await openStore(
      ({ write }) => write(`HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nx`),
      {
        connectionsMax: 1,
        connectionWaitMs: 20,
      },
    );
    const { body } = await ufs.get('k');
    expect(await kindOf(ufs.get('k'))).toBe('overloaded');
    await body[Symbol.asyncIterator]().return?.();
    expect(await kindOf(ufs.get('k'))).toBe('no error');
  });

  it('refuses more waiters than it may have', async () => {
    const { ufs } = await openStore(() => {}, { connectionsMax: 1, waitersMax: 0 });
    const left = new AbortController();
    const first = ufs.get('k', { signal: left.signal });
    expect(await kindOf(ufs.get('k'))).toBe('overloaded');
    left.abort(new Error('done'));
    await expect(first).rejects.toThrow('done');
  });
});

it('closing ends what is under way', async () => {
  const arrived = Promise.withResolvers<RawRequest>();
  const { ufs } = await openStore((request) => arrived.resolve(request));
  const reading = errorOf(ufs.get('k'));
  const { socket } = await arrived.promise;
  const closed = once(socket, 'close');
  await ufs.close();
  expect((await reading)?.kind).toBe('ufs-unavailable');
  await closed;
});
