import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { contentOf } from 'forebay/bench/content';
import { afterEach, describe, expect, it } from 'vitest';
import { RawReader } from './raw-reader.ts';

const content = contentOf(7, 300_000);
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function reader(listener: RequestListener, more: { start?: number; bytesPerSecond?: number } = {}) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const start = more.start ?? 0;
  return new RawReader({
    head: 'GET /a HTTP/1.1\r\nhost: a\r\n\r\n',
    port,
    object: 7,
    sizeBytes: content.length - start,
    ...more,
    start,
  });
}

describe('a raw reader', () => {
  it('reads a body to its end and knows its bytes', async () => {
    const whole = await reader((_, answer) => answer.end(content));
    expect(await whole.ended).toEqual({ bytes: content.length, end: 'complete' });
    const part = await reader((_, answer) => answer.end(content.subarray(5000)), {
      start: 5000,
    });
    expect(await part.ended).toEqual({ bytes: content.length - 5000, end: 'complete' });
  });

  it('fails for one wrong byte, a short body and an error', async () => {
    const flipped = Buffer.from(content);
    flipped[250_000]! ^= 1;
    expect(await (await reader((_, answer) => answer.end(flipped))).ended).toMatchObject({
      end: 'failed',
      reason: expect.stringContaining('wrong bytes'),
    });
    const short = await reader((_, answer) => {
      answer.writeHead(200, { 'content-length': content.length });
      answer.write(content.subarray(0, 1000), () => answer.destroy());
    });
    expect(await short.ended).toMatchObject({ end: 'failed', reason: 'cut after 1000 bytes' });
    const refused = await reader((_, answer) =>
      answer.writeHead(503).end('<Error><Code>SlowDown</Code></Error>'),
    );
    expect(await refused.ended).toMatchObject({ end: 'failed', reason: 'answered with 503 SlowDown' });
  });

  it('reads no faster than it is told to', async () => {
    const startedMs = performance.now();
    const slow = await reader((_, answer) => answer.end(content), { bytesPerSecond: 1_500_000 });
    expect(await slow.ended).toMatchObject({ end: 'complete' });
    // 300 kB at 1.5 MB/s, but for the last piece of at most 64 KiB
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(150);
  });

  it('leaves when it is told to', async () => {
    const slow = await reader((_, answer) => answer.end(content), { bytesPerSecond: 1 });
    slow.leave();
    expect(await slow.ended).toMatchObject({ end: 'left' });
  });
});
