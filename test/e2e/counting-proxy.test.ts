/** The faults of the counting proxy, before a plain HTTP server that answers with known bytes. */
import { once } from 'node:events';
import {
  type Agent,
  createServer,
  type IncomingMessage,
  type Server,
  request as sendRequest,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';

const body = Buffer.from('0123456789'.repeat(10_000));
let server: Server;
let proxy: CountingProxy;
let seen: string[];

beforeEach(async () => {
  seen = [];
  server = createServer(async (request, response) => {
    const sent = await buffer(request);
    seen.push(`${request.method} ${request.url} ${request.headers.host} ${sent.length}`);
    response.writeHead(200, { 'content-length': body.length, etag: '"v1"' });
    response.end(request.method === 'HEAD' ? undefined : body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  proxy = await startCountingProxy({ target: { endpoint, accessKey: 'a', secretKey: 's' } });
});
afterEach(async () => {
  await proxy.stop();
  server.closeAllConnections();
  server.close();
});

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly send?: Buffer;
}

async function ask({
  method = 'GET',
  path = '/b/k',
  headers = {},
  send,
}: Ask = {}): Promise<IncomingMessage> {
  const { hostname: host, port } = new URL(proxy.endpoint);
  const agent: Agent | false = false;
  const request = sendRequest({ host, port, path, method, headers, agent });
  if (headers.expect) await Promise.all([once(request, 'continue'), request.flushHeaders()]);
  request.end(send);
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return answer;
}

it('passes target, Host and body as they are', async () => {
  const path = '/b//x/../%2F+%20?prefix=a%2Fb&x';
  const answer = await ask({
    method: 'PUT',
    path,
    headers: { host: 'bucket.example' },
    send: Buffer.alloc(7),
  });
  expect(await buffer(answer)).toEqual(body);
  await proxy.idle();
  expect(seen).toEqual([`PUT ${path} bucket.example 7`]);
  expect(proxy.requests[0]).toMatchObject({
    path: '/b//x/../%2F+%20',
    query: 'prefix=a%2Fb&x',
    requestBytes: 7,
  });
});

it('asks the server before a client that expects 100 sends its body', async () => {
  const send = Buffer.alloc(100_000);
  const headers = { expect: '100-continue', 'content-length': String(send.length) };
  await buffer(await ask({ method: 'PUT', headers, send }));
  expect(seen[0]).toMatch(/ 100000$/);
});

it('answers HEAD with the length and no body', async () => {
  const answer = await ask({ method: 'HEAD' });
  expect(answer.headers['content-length']).toBe(String(body.length));
  expect((await buffer(answer)).length).toBe(0);
});

it('holds requests at a gate until it is released', async () => {
  const gate = proxy.hold();
  const asked = [ask(), ask()];
  await gate.arrived(2);
  expect(seen).toEqual([]);
  gate.release();
  for (const answer of await Promise.all(asked)) expect(await buffer(answer)).toEqual(body);
  expect(seen.length).toBe(2);
});

it('answers in place of the server as often as told', async () => {
  const rule = proxy.fail(500, 2);
  const statuses: (number | undefined)[] = [];
  for (let count = 0; count < 3; count += 1) {
    const answer = await ask();
    statuses.push(answer.statusCode);
    await buffer(answer);
  }
  expect(statuses).toEqual([500, 500, 200]);
  expect(rule.applied).toBe(2);
  expect(seen.length).toBe(1);
});

it('cuts the connection after exactly so many body bytes', async () => {
  proxy.rule({ cutAfterBytes: 70_001, times: 1 });
  const answer = await ask();
  const got: Buffer[] = [];
  await expect(async () => {
    for await (const bytes of answer) got.push(bytes as Buffer);
  }).rejects.toThrow('aborted');
  expect(Buffer.concat(got)).toEqual(body.subarray(0, 70_001));
  await proxy.idle();
  expect(proxy.requests[0]).toMatchObject({ status: 200, responseBytes: 70_001, state: 'cut' });
});

it('loses an answer after the server has acted', async () => {
  proxy.rule({ loseAnswer: true, times: 1 });
  await expect(ask({ method: 'PUT', send: Buffer.alloc(3) })).rejects.toThrow('socket hang up');
  expect(seen.length).toBe(1);
  await proxy.idle();
  expect(proxy.requests[0]).toMatchObject({ status: undefined, answeredBy: 'server', state: 'cut' });
});

it('lets a test act in the middle of a body', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let reached = 0;
  proxy.rule({
    pauseAfter: {
      bytes: 50_000,
      call: () => {
        reached = proxy.requests[0]!.responseBytes;
        resolve();
        return Promise.resolve();
      },
    },
  });
  const answer = await ask();
  const read = buffer(answer);
  await promise;
  expect(reached).toBe(50_000);
  expect(await read).toEqual(body);
});

it('changes the head of an answer', async () => {
  const withoutEtag = (raw: readonly string[]) => {
    const at = raw.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === 'etag');
    return raw.toSpliced(at, 2);
  };
  proxy.rule({ head: ({ rawHeaders }) => ({ status: 206, rawHeaders: withoutEtag(rawHeaders) }) });
  const answer = await ask();
  await buffer(answer);
  expect(answer.statusCode).toBe(206);
  expect(answer.headers.etag).toBeUndefined();
});

it('limits bandwidth and delays', async () => {
  proxy.rule({ bytesPerSecond: 1_000_000, delayMs: 50 });
  const startedAtMs = performance.now();
  expect(await buffer(await ask())).toEqual(body);
  expect(performance.now() - startedAtMs).toBeGreaterThan(140);
});

it('ends the request at the server when the client leaves', async () => {
  const gate = proxy.hold();
  const { hostname: host, port } = new URL(proxy.endpoint);
  const request = sendRequest({ host, port, path: '/b/k', agent: false }).end();
  request.on('error', () => undefined);
  await gate.arrived();
  request.destroy();
  await proxy.idle();
  expect(proxy.requests[0]).toMatchObject({ state: 'cut', answeredBy: 'proxy' });
  expect(seen).toEqual([]);
});

it('refuses connections until it accepts again, on the same port', async () => {
  await proxy.refuse();
  await expect(ask()).rejects.toThrow('ECONNREFUSED');
  await proxy.accept();
  expect(await buffer(await ask())).toEqual(body);
  expect(proxy.requests.length).toBe(1);
});

it('notices a connection that ends while the answer is held', async () => {
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  const more = Promise.withResolvers<void>();
  const call = () => {
    resolve();
    return more.promise;
  };
  proxy.rule({ pauseAfter: { bytes: 0, call } });
  const asked = ask({ method: 'HEAD' });
  await reached;
  await Promise.all([proxy.refuse(), expect(asked).rejects.toThrow()]);
  more.resolve();
  await proxy.idle();
  expect(proxy.requests[0]?.state).toBe('cut');
});
