import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bytesOf, errorOf, openRawUfs, openStore, reply } from './testing/raw-server.ts';

/** With it the driver itself repeats nothing. */
const noRepeats = { readDeadlineMs: 0 };

describe('a connection that has served', () => {
  it('serves the next request, whatever its method', async () => {
    const { ufs, server } = await openStore(({ write }) => write(reply(200, 'x')));
    for (let turn = 0; turn < 3; turn += 1) {
      await bytesOf((await ufs.get('k')).body);
      await ufs.delete('k', { headers: [] });
    }
    expect([server.requests.length, server.connectionCount]).toEqual([6, 1]);
  });

  it('and is gone when it is used again: a read is sent once more, at once, on a new one', async () => {
    const { ufs, server } = await openStore(
      ({ write, socket, index }) => (index === 1 ? socket.resetAndDestroy() : write(reply(200, 'good'))),
      noRepeats,
    );
    await bytesOf((await ufs.get('k')).body);
    expect(await bytesOf((await ufs.get('k')).body)).toBe('good');
    expect([server.requests.length, server.connectionCount]).toEqual([3, 2]);
  });

  it('and is gone when it is used again: only once, and not after a byte of an answer', async () => {
    const { ufs, server } = await openStore(({ write, socket, index }) => {
      if (index === 0 || index === 3) return write(reply(200, 'x'));
      if (index === 4) write('HTTP/1.1 200');
      return socket.resetAndDestroy();
    }, noRepeats);
    await bytesOf((await ufs.get('k')).body);
    expect((await errorOf(ufs.get('k')))?.kind).toBe('ufs-unavailable');
    expect(server.requests.length).toBe(3);
    await bytesOf((await ufs.get('k')).body);
    expect((await errorOf(ufs.get('k')))?.kind).toBe('ufs-unavailable');
    expect(server.requests.length).toBe(5);
  });

  it('and is gone when a write uses it: the write is sent once, and its outcome unknown', async () => {
    const { ufs, server } = await openStore(({ write, socket, index }) =>
      index === 1 ? socket.resetAndDestroy() : write(reply(200, 'good')),
    );
    await bytesOf((await ufs.get('k')).body);
    expect((await errorOf(ufs.delete('k', { headers: [] })))?.kind).toBe('state-unknown');
    expect(server.requests.length).toBe(2);
  });

  it('is closed where bytes come that nobody asked for, and they are no one’s answer', async () => {
    const { ufs, server } = await openStore(({ write, target }) => {
      write(reply(200, target === '/lake/first' ? 'first' : 'second'));
      if (target === '/lake/first') write(reply(200, 'smuggled'));
    });
    expect(await bytesOf((await ufs.get('first')).body)).toBe('first');
    const { socket } = server.requests[0]!;
    if (!socket.destroyed) await once(socket, 'close');
    expect(await bytesOf((await ufs.get('second')).body)).toBe('second');
    expect(server.connectionCount).toBe(2);
  });

  it('is closed when nobody has used it for its time', async () => {
    const { ufs, server } = await openStore(({ write }) => write(reply(200, 'x')), { idleTimeoutMs: 20 });
    await bytesOf((await ufs.get('k')).body);
    await server.idle();
    expect(await bytesOf((await ufs.get('k')).body)).toBe('x');
  });

  it('is not used again where the store says that it closes it in a moment', async () => {
    const { ufs, server } = await openStore(({ write }) =>
      write(reply(200, 'x', ['connection: keep-alive', 'keep-alive: timeout=1, max=100'])),
    );
    for (let turn = 0; turn < 3; turn += 1) await bytesOf((await ufs.get('k')).body);
    expect(server.connectionCount).toBe(3);
  });
});

it('makes connections ready before they are asked for, and no more than are missing', async () => {
  const { ufs, server } = await openStore(({ write }) => write(reply(200, 'x')));
  ufs.queue.prepare(2);
  ufs.queue.prepare(2);
  await expect.poll(() => server.connectionCount).toBe(2);
  await bytesOf((await ufs.get('k')).body);
  ufs.queue.prepare(2);
  await bytesOf((await ufs.get('k')).body);
  expect(server.connectionCount).toBe(2);
});

it('reads at once where a connection that was made ready has died', async () => {
  const { ufs, server } = await openStore(({ write, socket, index }) => {
    if (index === 0) socket.resetAndDestroy();
    else write(reply(200, 'good'));
  }, noRepeats);
  ufs.queue.prepare(1);
  await expect.poll(() => server.connectionCount).toBe(1);
  expect(await bytesOf((await ufs.get('k')).body)).toBe('good');
});

it('refuses to send what would be read as another header', async () => {
  const { ufs, server } = await openStore(({ write }) => write(reply(200, 'x')));
  for (const value of ['a\r\nx-amz-acl: public-read', 'a\nb', 'a\0b', 'a\u010ab']) {
    const headers = [['x-amz-meta-a', value]] as const;
    expect((await errorOf(ufs.get('k', { headers })))?.kind).toBe('ufs-unavailable');
    expect((await errorOf(ufs.delete('k', { headers })))?.kind).toBe('ufs-unavailable');
  }
  expect(server.requests.length).toBe(0);
});

it('gives up a connection that is not made in time', async () => {
  // An address that nobody has (RFC 5737). Where there is no route to it, that is told instead.
  const ufs = openRawUfs('http://192.0.2.1:9', { connectTimeoutMs: 30 });
  onTestFinished(() => ufs.close());
  expect((await errorOf(ufs.head('k')))?.kind).toBe('ufs-unavailable');
});

describe('over TLS', () => {
  function certificate(): { key: string; cert: string } {
    const directory = mkdtempSync(join(tmpdir(), 'forebay-tls-'));
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...made, '-keyout', key, '-out', cert, ...subject], {
      stdio: 'ignore',
    });
    const pair = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
    rmSync(directory, { recursive: true });
    return pair;
  }

  async function startTlsStore(body: Buffer): Promise<{ endpoint: string; sockets: Socket[]; cert: string }> {
    const { key, cert } = certificate();
    const sockets: Socket[] = [];
    const server = createServer({ key, cert }, (_request, response) => {
      response.writeHead(200, { 'content-length': body.length, etag: '"e"' });
      response.end(body);
    });
    server.on('secureConnection', (socket) => sockets.push(socket));
    server.listen(0);
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return { endpoint: `https://localhost:${(server.address() as AddressInfo).port}`, sockets, cert };
  }

  it('reads large bodies over one connection, and refuses a store that nobody vouches for', async () => {
    const body = randomBytes(3 * 1024 * 1024 + 17);
    const { endpoint, sockets, cert } = await startTlsStore(body);
    const stranger = openRawUfs(endpoint);
    onTestFinished(() => stranger.close());
    expect((await errorOf(stranger.get('k')))?.kind).toBe('ufs-unavailable');
    const trusted = getCACertificates();
    setDefaultCACertificates([...trusted, cert]);
    onTestFinished(() => setDefaultCACertificates(trusted));
    const ufs = openRawUfs(endpoint);
    onTestFinished(() => ufs.close());
    for (let turn = 0; turn < 3; turn += 1) {
      const read = await bytesOf((await ufs.get('k')).body);
      expect(read === body.toString('latin1')).toBe(true);
    }
    expect(sockets.length).toBe(1);
  });
});
