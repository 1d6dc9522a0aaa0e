import { once } from 'node:events';
import { KiB, MiB } from '@forebay/core/bytes';
import { sha256Hex } from '@forebay/core/sigv4';
import { afterEach, describe, expect, it } from 'vitest';
import { RawClient, signedHead } from './testing/raw-client.ts';
import { startTestGateway, type TestGateway } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const mount = testMount({ bucket: 'lake' });
const open: { gateway?: TestGateway; clients: RawClient[] } = { clients: [] };

async function start(...[options]: [Parameters<typeof startTestGateway>[1]?]): Promise<TestGateway> {
  open.gateway = await startTestGateway([mount, testMount({ bucket: 'open', anonymous: 'read' })], options);
  return open.gateway;
}

async function client({ port }: TestGateway): Promise<RawClient> {
  const opened = await RawClient.open(port);
  open.clients.push(opened);
  return opened;
}

async function store(gateway: TestGateway, key: string, text: string): Promise<void> {
  async function* body() {
    yield Buffer.from(text);
  }
  await gateway.ufsOf(mount).put(key, { sizeBytes: text.length, body: body(), headers: [] });
}

afterEach(async () => {
  for (const opened of open.clients.splice(0)) opened.close();
  await open.gateway?.close();
});

const unsigned = (line: string, headers = '') => `${line} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
const get = (target: string) => signedHead({ method: 'GET', target });
const put = (body: string, headers: Record<string, string> = {}) =>
  signedHead({
    method: 'PUT',
    target: '/lake/k',
    payload: sha256Hex(body),
    headers: { 'content-length': String(body.length), ...headers },
  });

describe('every answer', () => {
  it('carries ids, date and server, and errors repeat the ids', async () => {
    const gateway = await start();
    await store(gateway, 'k', 'text');
    const raw = await client(gateway);
    const ids = new Set<string | undefined>();
    for (const [head, status] of [
      [get('/lake/k'), 200],
      [get('/lake/missing'), 404],
      [unsigned('GET /lake/k'), 403],
    ] as const) {
      raw.send(head);
      const answer = await raw.answer();
      expect(answer.status).toBe(status);
      expect(answer.headers).toMatchObject({ server: 'Forebay', date: expect.stringMatching(/GMT$/) });
      ids.add(answer.headers['x-amz-request-id']);
      if (status === 200) continue;
      expect(answer.headers['content-type']).toBe('application/xml');
      expect(answer.body).toContain(`<RequestId>${answer.headers['x-amz-request-id']}</RequestId>`);
      expect(answer.body).toContain(`<HostId>${answer.headers['x-amz-id-2']}</HostId>`);
    }
    expect(ids.size).toBe(3);
  });

  it('to HEAD has the headers of GET and no body, errors too, on one connection', async () => {
    const gateway = await start();
    await store(gateway, 'k', 'text');
    const raw = await client(gateway);
    for (const target of ['/lake/k', '/lake/missing', '/lake/k']) {
      raw.send(get(target));
      const full = await raw.answer();
      raw.send(signedHead({ method: 'HEAD', target }));
      const head = await raw.answer({ head: true });
      expect(head.status).toBe(full.status);
      expect(Object.keys(head.headers).sort()).toEqual(Object.keys(full.headers).sort());
      expect(head.headers['content-length']).toBe(full.headers['content-length']);
    }
  });

  it('to a target that no URL parser leaves alone is about that very key', async () => {
    const gateway = await start();
    const raw = await client(gateway);
    await store(gateway, 'a\\b', 'backslash');
    await store(gateway, 'a/../b', 'dots');
    await store(gateway, '/x', 'slash');
    for (const [target, text] of [
      ['/lake/a\\b', 'backslash'],
      ['/lake/a/../b', 'dots'],
      ['/lake/a/%2e%2e/b', 'dots'],
      ['/lake//x', 'slash'],
    ] as const) {
      raw.send(get(target));
      expect((await raw.answer()).body).toBe(text);
    }
    raw.send(signedHead({ method: 'GET', target: 'http://proxy.example/lake//x', signedPath: '/lake//x' }));
    expect((await raw.answer()).body).toBe('slash');
    raw.send(signedHead({ method: 'GET', target: '/lake//x', host: 'an odd_host:99999' }));
    expect((await raw.answer()).body).toBe('slash');
    raw.send(unsigned('OPTIONS *'));
    expect((await raw.answer()).body).toContain('Origin request header needed');
  });
});

describe('request bodies', () => {
  it('are asked for with 100 Continue only when they are read', async () => {
    const gateway = await start();
    const raw = await client(gateway);
    raw.send(put('hello', { expect: '100-continue' }));
    expect((await raw.answer()).status).toBe(100);
    raw.send('hello');
    expect((await raw.answer()).status).toBe(200);
    raw.send(get('/lake/k'));
    expect((await raw.answer()).body).toBe('hello');
  });

  it('are not asked for where the answer is an error already', async () => {
    const gateway = await start();
    for (const head of [
      unsigned('PUT /lake/k', 'Expect: 100-continue\r\nContent-Length: 5\r\n'),
      put('hello', { expect: '100-continue', 'x-amz-meta-a': 'v'.repeat(3 * KiB) }),
    ]) {
      const raw = await client(gateway);
      raw.send(head);
      const answer = await raw.answer();
      expect([403, 400]).toContain(answer.status);
      expect(answer.headers.connection).toBe('close');
      expect(await raw.closed()).toBe('');
    }
  });

  it('with any other expectation are simply read', async () => {
    const gateway = await start();
    const raw = await client(gateway);
    raw.send(`${put('hello', { expect: 'a-miracle' })}hello`);
    expect((await raw.answer()).status).toBe(200);
  });

  it('that nobody read never become the next request', async () => {
    const gateway = await start();
    const raw = await client(gateway);
    const smuggled = unsigned('DELETE /lake/k');
    raw.send(`${unsigned('PUT /lake/k', `Content-Length: ${smuggled.length}\r\n`)}${smuggled}`);
    expect((await raw.answer()).status).toBe(403);
    raw.send(get('/lake/missing'));
    expect((await raw.answer()).body).toContain('NoSuchKey');
  });

  it('that are long and refused leave the client its answer, and end the connection', async () => {
    const gateway = await start();
    const raw = await client(gateway);
    raw.send(unsigned('PUT /lake/k', `Content-Length: ${8 * MiB}\r\n`));
    raw.send(Buffer.alloc(8 * MiB));
    const answer = await raw.answer();
    expect(answer.status).toBe(403);
    expect(answer.headers.connection).toBe('close');
    expect(await raw.closed()).toBe('');
  });

  it('that end early are IncompleteBody to a client that still listens', async () => {
    const gateway = await start();
    const raw = await client(gateway);
    raw.send(put('hello'));
    raw.send('hell');
    raw.socket.end();
    const answer = await raw.answer();
    expect(answer).toMatchObject({
      status: 400,
      body: expect.stringContaining('<Code>IncompleteBody</Code>'),
    });
    expect(answer.body).toContain(`<RequestId>${answer.headers['x-amz-request-id']}</RequestId>`);
    const next = await client(gateway);
    next.send(get('/lake/k'));
    expect((await next.answer()).status).toBe(404);
  });

  it('that are not what was signed change nothing', async () => {
    const gateway = await start();
    const raw = await client(gateway);
    raw.send(`${put('hello')}jello`);
    expect((await raw.answer()).body).toContain('XAmzContentSHA256Mismatch');
    raw.send(get('/lake/k'));
    expect((await raw.answer()).status).toBe(404);
    expect(gateway.home.fences.at(-1)).toMatchObject({ event: 'end', outcome: 'known' });
  });
});

describe('a head of many headers', () => {
  it('is read to its last one', async () => {
    const gateway = await start();
    await store(gateway, 'k', 'text');
    const raw = await client(gateway);
    const line = 'GET /lake/k HTTP/1.1\r\n';
    raw.send(get('/lake/k').replace(line, `${line}${'a:b\r\n'.repeat(3000)}`));
    expect((await raw.answer()).body).toBe('text');
  });
});

describe('what is no request', () => {
  it('gets an S3 error: headers too large, and no HTTP at all', async () => {
    const gateway = await start();
    for (const [text, code] of [
      [unsigned('GET /lake/k', `x-large: ${'v'.repeat(40 * KiB)}\r\n`), 'RequestHeaderSectionTooLarge'],
      ['NONSENSE\r\n\r\n', 'BadRequest'],
      ['GET /lake/k HTTP/1.1\r\nConnection: close\r\n\r\n', 'BadRequest'],
      [unsigned('PUT /lake/k', 'Content-Length: -1\r\n'), 'BadRequest'],
    ] as const) {
      const raw = await client(gateway);
      raw.send(text);
      const answer = await raw.answer();
      expect(answer.status).toBe(400);
      expect(answer.body).toContain(`<Code>${code}</Code>`);
      expect(answer.headers['x-amz-request-id']).toMatch(/^[0-9A-F]{16}$/);
      await raw.closed();
    }
  });
});

/** Long enough to go out in two pieces. */
const twoPieces = 'x'.repeat(300 * KiB);

/** Bodies from the UFS stop after their first piece, until they may go on or must fail. */
function stall(gateway: TestGateway): { go: () => void; fail: (error: Error) => void } {
  const gate = Promise.withResolvers<void>();
  let pieces = 0;
  gateway.ufsOf(mount).slow(async () => {
    pieces += 1;
    if (pieces === 2) await gate.promise;
  });
  return { go: gate.resolve, fail: gate.reject };
}

describe('bodies of answers', () => {
  it('that fail after the headers cut the connection short of their length', async () => {
    const gateway = await start();
    await store(gateway, 'k', twoPieces);
    const { fail } = stall(gateway);
    const raw = await client(gateway);
    raw.send(get('/lake/k'));
    await once(raw.socket, 'data');
    fail(new Error('the store went away'));
    const text = await raw.closed();
    expect(text).toContain(`content-length: ${twoPieces.length}`);
    expect(text.split('\r\n\r\n')[1]).toMatch(/^x*$/);
    expect(text.length).toBeLessThan(twoPieces.length);
    expect(await gateway.metrics.text()).toContain('forebay_answers_cut_total{reason="body_failed"} 1');
  });

  it('are let go when the client leaves', async () => {
    const gateway = await start();
    await store(gateway, 'k', twoPieces);
    const { go } = stall(gateway);
    const raw = await client(gateway);
    raw.send(get('/lake/k'));
    await once(raw.socket, 'data');
    raw.close();
    await gateway.whenClosed();
    go();
    await gateway.whenIdle();
    expect(await gateway.metrics.text()).toContain('forebay_answers_cut_total{reason="client_gone"} 1');
  });
});

describe('limits', () => {
  it('refuse requests over the bound with 503 SlowDown, and take the next ones', async () => {
    const gateway = await start({ settings: { requestsInFlightMax: 1 } });
    await store(gateway, 'k', twoPieces);
    const { go } = stall(gateway);
    const [first, second] = [await client(gateway), await client(gateway)];
    first.send(get('/lake/k'));
    await once(first.socket, 'data');
    second.send(get('/lake/k'));
    const refused = await second.answer();
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.body).toContain('<Code>SlowDown</Code>');
    go();
    expect((await first.answer()).body).toBe(twoPieces);
    await gateway.whenIdle();
    second.send(signedHead({ method: 'HEAD', target: '/lake/k' }));
    expect((await second.answer({ head: true })).status).toBe(200);
  });

  it('close a connection whose client stops in the middle of its body', async () => {
    const gateway = await start({ settings: { idleTimeoutMs: 50 } });
    const raw = await client(gateway);
    raw.send(`${put('hello')}hel`);
    const answer = await raw.answer();
    expect(answer).toMatchObject({ status: 400, headers: { connection: 'close' } });
    expect(answer.body).toContain('<Code>RequestTimeout</Code>');
    await raw.closed();
    await gateway.whenIdle();
    expect(gateway.home.fences.at(-1)).toMatchObject({ event: 'end', outcome: 'known' });
  });

  it('leave a client alone that waits for us', async () => {
    const gateway = await start({ settings: { idleTimeoutMs: 200 } });
    await store(gateway, 'k', twoPieces);
    const { go } = stall(gateway);
    const raw = await client(gateway);
    const timedOut = gateway.whenTimedOut(3);
    raw.send(get('/lake/k'));
    await timedOut;
    go();
    expect((await raw.answer()).body).toBe(twoPieces);
  });
});

describe('draining', () => {
  it('does not wait for a client that never sent a request', async () => {
    const gateway = await start();
    const silent = await client(gateway);
    const other = await client(gateway);
    other.send(get('/lake/missing'));
    await other.answer();
    await Promise.all([gateway.gateway.drain(60_000), silent.closed()]);
  });

  it('ends answers under way, closes what is idle, and takes nothing new', async () => {
    const gateway = await start();
    await store(gateway, 'k', twoPieces);
    const { go } = stall(gateway);
    const [busy, idle] = [await client(gateway), await client(gateway)];
    idle.send(get('/lake/missing'));
    await idle.answer();
    busy.send(get('/lake/k'));
    await once(busy.socket, 'data');
    const drained = gateway.gateway.drain(10_000);
    await idle.closed();
    go();
    expect((await busy.answer()).body).toBe(twoPieces);
    await drained;
    await expect(RawClient.open(gateway.port)).rejects.toThrow();
  });
});
