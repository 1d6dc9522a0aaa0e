/** Requests whose answer comes soon: they wait without streams, and whatever else happens then. */
import { MiB } from '@forebay/core/bytes';
import { ForebayError } from '@forebay/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AtHandCacheNode } from './testing/at-hand-cache-node.ts';
import { LaterCacheNode } from './testing/later-cache-node.ts';
import { RawClient, signedHead } from './testing/raw-client.ts';
import { startTestGateway, type TestGateway } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const get = (key: string) => signedHead({ method: 'GET', target: `/lake/${key}` });
const large = Buffer.alloc(MiB, 'large');
let home: LaterCacheNode;
let gateway: TestGateway;
let client: RawClient;

beforeEach(async () => {
  const node = new AtHandCacheNode(() => {
    throw new Error('no UFS is asked');
  });
  node.put('a', { bytes: Buffer.from('first') });
  node.put('b', { bytes: Buffer.from('second') });
  node.put('large', { bytes: large });
  home = new LaterCacheNode(node);
  gateway = await startTestGateway([testMount({ bucket: 'lake' })], { home });
  client = await RawClient.open(gateway.port);
});

afterEach(async () => {
  client.close();
  home.letGo();
  await gateway.close();
});

const counted = async () =>
  (await gateway.metrics.samples('forebay_requests_total')).map(
    ({ labels, value }) => `${labels.op} ${labels.status} ${value}`,
  );

describe('an answer that comes soon', () => {
  it('needs no streams of Node, one request after the other', async () => {
    for (const [key, body] of [
      ['a', 'first'],
      ['b', 'second'],
      ['large', large.toString()],
      ['a', 'first'],
    ] as const) {
      client.send(get(key));
      expect((await client.answer()).body === body).toBe(true);
    }
    client.send(get('none'));
    expect((await client.answer()).status).toBe(404);
    expect(gateway.streamed()).toBe(0);
    expect(home.askedCount).toBe(5);
  });

  it('is an error where the cache node has none', async () => {
    home.error = new ForebayError('overloaded', 'too many requests', { retryAfterMs: 1000 });
    client.send(get('a'));
    expect(await client.answer()).toMatchObject({ status: 503 });
    client.send(get('a'));
    expect((await client.answer()).body).toBe('first');
    expect(gateway.streamed()).toBe(0);
  });

  it('goes before those of requests that came behind it', async () => {
    home.holds = true;
    client.send(get('a'));
    await home.whenHeld(1);
    client.send(get('b') + get('none'));
    client.send(get('a').slice(0, 40));
    await expect.poll(() => gateway.streamed()).toBe(3);
    home.letGo();
    expect((await client.answer()).body).toBe('first');
    expect((await client.answer()).body).toBe('second');
    expect((await client.answer()).status).toBe(404);
    home.holds = false;
    client.send(get('a').slice(40));
    expect((await client.answer()).body).toBe('first');
    expect(home.askedCount).toBe(2);
  });

  it('goes before those of requests in one packet with it, with however many headers', async () => {
    home.holds = true;
    const many = Array.from({ length: 100 }, (_, at) => `x-other-${at}: ${at}\r\n`).join('');
    client.send(get('a') + get('b').replace('\r\n', `\r\n${many}`) + get('large'));
    await home.whenHeld(1);
    home.letGo();
    expect((await client.answer()).body).toBe('first');
    expect((await client.answer()).body).toBe('second');
    expect((await client.answer()).body === large.toString()).toBe(true);
  });

  it('is not given where what came behind it is no HTTP', async () => {
    home.holds = true;
    client.send(get('a'));
    await home.whenHeld(1);
    client.send('NONSENSE\r\n\r\n');
    expect(await client.closed()).toBe('');
    await gateway.whenIdle();
    expect(home.leftCount).toBe(1);
    expect(await counted()).toEqual(['GetObject 499 1']);
  });

  it('is not waited for any more when its client has gone', async () => {
    home.holds = true;
    client.send(get('a'));
    await home.whenHeld(1);
    client.close();
    await gateway.whenIdle();
    expect(home.leftCount).toBe(1);
    expect(await counted()).toEqual(['GetObject 499 1']);
    expect(await gateway.metrics.text()).toContain('forebay_answers_cut_total{reason="client_gone"} 1');
  });

  it('comes before the connection ends where the gateway drains', async () => {
    home.holds = true;
    client.send(get('a'));
    await home.whenHeld(1);
    const drained = gateway.gateway.drain(60_000);
    home.letGo();
    const received = await client.closed();
    expect(received.toLowerCase()).toContain('connection: close');
    expect(received).toMatch(/first$/);
    await drained;
  });
});

describe('a connection whose request waits', () => {
  it('is kept longer than one that waits for a request, and for as long as it takes', async () => {
    const settings = { keepAliveTimeoutMs: 20, idleTimeoutMs: 60 };
    const quick = await startTestGateway([testMount({ bucket: 'lake' })], { home, settings });
    const other = await RawClient.open(quick.port);
    home.holds = true;
    const timedOut = quick.whenTimedOut(3);
    other.send(get('a'));
    await timedOut;
    home.letGo();
    expect((await other.answer()).body).toBe('first');
    const keptAlive = quick.whenTimedOut(1);
    other.send(get('b'));
    await keptAlive;
    home.letGo();
    expect((await other.answer()).body).toBe('second');
    other.close();
    await quick.close();
  });
});
