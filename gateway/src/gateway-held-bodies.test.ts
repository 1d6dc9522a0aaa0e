/** Bodies of other processes, and of fills: how far they are here when their answer is. */
import { KiB, MiB } from '@forebay/core/bytes';
import { syscalls } from '@forebay/core/syscalls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AtHandCacheNode } from './testing/at-hand-cache-node.ts';
import { LaterCacheNode } from './testing/later-cache-node.ts';
import { RawClient, signedHead } from './testing/raw-client.ts';
import { startTestGateway, type TestGateway } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const content = Buffer.from(Array.from({ length: 128 * KiB }, (_, at) => (at * 7 + (at >> 8)) & 0xff));
const get = (headers: Record<string, string> = {}) =>
  signedHead({ method: 'GET', target: '/lake/k', headers });
const text = (from = 0, to = content.length) => content.toString('latin1', from, to);
let node: AtHandCacheNode;
let home: LaterCacheNode;
let gateway: TestGateway;
let client: RawClient;

beforeEach(async () => {
  node = new AtHandCacheNode(() => {
    throw new Error('no UFS is asked');
  });
  node.put('k', { bytes: content, piped: 'whole' });
  home = new LaterCacheNode(node);
  gateway = await startTestGateway([testMount({ bucket: 'lake' })], { home });
  client = await RawClient.open(gateway.port);
});

afterEach(async () => {
  client.close();
  home.letGo();
  await gateway.close();
  expect(node.pipedBodies.every(({ isReturned }) => isReturned)).toBe(true);
});

describe('a body that came whole', { skip: !syscalls() }, () => {
  it('goes out as it is, whole and in ranges, one request after the other', async () => {
    client.send(get());
    expect((await client.answer()).body === text()).toBe(true);
    client.send(get({ range: 'bytes=100-99999' }));
    const part = await client.answer();
    expect(part).toMatchObject({ status: 206, headers: { 'content-length': '99900' } });
    expect(part.body === text(100, 100_000)).toBe(true);
    client.send(get());
    expect((await client.answer()).body === text()).toBe(true);
    expect(gateway.streamed()).toBe(0);
  });

  it('goes on by streams where its client does not read, and comes whole', async () => {
    client.socket.pause();
    let count = 0;
    while (gateway.streamed() === 0) {
      count += 1;
      client.send(get());
      await expect.poll(() => node.pipedBodies.length).toBe(count);
    }
    client.socket.resume();
    for (let at = 0; at < count; at += 1) expect((await client.answer()).body === text()).toBe(true);
    client.send(get());
    expect((await client.answer()).body === text()).toBe(true);
  });

  it('is given back where its client goes while it waits', async () => {
    home.holds = true;
    client.send(get());
    await home.whenHeld(1);
    client.close();
    await gateway.whenIdle();
    home.letGo();
    expect(home.leftCount).toBe(1);
  });
});

describe('a body of which the first bytes are here', { skip: !syscalls() }, () => {
  it.each([
    ['from another process', { piped: 'begun' }],
    ['from a fill', { pieceBytes: 16 * KiB }],
  ] as const)('leaves with its head, and the rest by streams: %s', async (_, how) => {
    node.put('k', { bytes: content, ...how });
    for (const [headers, from, to] of [
      [{}, 0, content.length],
      [{ range: 'bytes=100-99999' }, 100, 100_000],
    ] as const) {
      client.send(get(headers));
      expect((await client.answer()).body === text(from, to)).toBe(true);
    }
    expect(gateway.streamed()).toBe(2);
    node.put('k', { bytes: Buffer.from('small') });
    client.send(get());
    expect((await client.answer()).body).toBe('small');
    expect(gateway.streamed()).toBe(2);
    await gateway.whenIdle();
    expect(node.begunBodies.every(({ isReturned }) => isReturned)).toBe(true);
  });

  it('is cut where the rest does not come', async () => {
    node.put('k', { bytes: content, pieceBytes: 16 * KiB, failure: new Error('the UFS is gone') });
    client.send(get());
    const received = await client.closed();
    expect(received).toContain(`content-length: ${content.length}`);
    expect(received.endsWith(text(0, 16 * KiB))).toBe(true);
    await gateway.whenIdle();
    expect(await gateway.metrics.text()).toMatch(/^forebay_answers_cut_total\{reason="body_failed"\} 1$/m);
    expect(node.begunBodies.every(({ isReturned }) => isReturned)).toBe(true);
  });

  it('is given back where its client goes', async () => {
    node.put('k', { bytes: Buffer.alloc(64 * MiB), pieceBytes: 16 * KiB });
    client.send(get());
    await expect.poll(() => gateway.streamed()).toBe(1);
    client.close();
    await gateway.whenIdle();
    expect(await gateway.metrics.text()).toContain('forebay_answers_cut_total{reason="client_gone"} 1');
    expect(node.begunBodies.every(({ isReturned }) => isReturned)).toBe(true);
  });
});
