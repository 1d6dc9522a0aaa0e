import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { Distance, type DistanceOptions } from './distance.ts';

const body = randomBytes(400_000);
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function bucket(): Promise<{ server: Server; port: number }> {
  const server = createServer((_, answer) => answer.end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => once(server.close(), 'close'));
  return { server, port: (server.address() as { port: number }).port };
}

async function distanceTo(targetPort: number, options: Omit<DistanceOptions, 'targetPort'>) {
  const distance = await Distance.open({ targetPort, ...options });
  closers.push(() => distance.close());
  return distance;
}

async function fetchBody(port: number, agent: Agent): Promise<{ bytes: Buffer; durationMs: number }> {
  const startedMs = performance.now();
  const [reply] = (await once(get({ host: '127.0.0.1', port, agent }), 'response')) as [IncomingMessage];
  const bytes = Buffer.concat(await reply.toArray());
  return { bytes, durationMs: performance.now() - startedMs };
}

function keptAlive(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  closers.push(async () => agent.destroy());
  return agent;
}

describe('the simulated distance', () => {
  it('changes no byte, and counts requests and bytes that crossed it', async () => {
    const { port } = await bucket();
    const distance = await distanceTo(port, { roundTripMs: 2, bytesPerSecond: 1e9 });
    const agent = keptAlive();
    for (let request = 0; request < 3; request += 1) {
      expect((await fetchBody(distance.port, agent)).bytes.equals(body)).toBe(true);
    }
    const { requests, bytes } = distance.crossed();
    expect(requests).toBe(3);
    expect(bytes).toBeGreaterThan(3 * body.length);
    expect(bytes).toBeLessThan(3 * body.length + 3 * 1000);
  });

  it('charges one round trip for a request and one more for a new connection', async () => {
    const { port } = await bucket();
    const distance = await distanceTo(port, { roundTripMs: 60, bytesPerSecond: 1e9 });
    const agent = keptAlive();
    const first = await fetchBody(distance.port, agent);
    const second = await fetchBody(distance.port, agent);
    expect(first.durationMs).toBeGreaterThanOrEqual(118);
    expect(second.durationMs).toBeGreaterThanOrEqual(58);
  });

  it('shares its bandwidth between connections', async () => {
    const { port } = await bucket();
    const distance = await distanceTo(port, { roundTripMs: 0, bytesPerSecond: 4_000_000 });
    const startedMs = performance.now();
    await Promise.all([fetchBody(distance.port, keptAlive()), fetchBody(distance.port, keptAlive())]);
    // 800 kB at 4 MB/s
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(195);
  });

  it('gives no connection more than its own share of the link', async () => {
    const { port } = await bucket();
    const limits = { bytesPerSecond: 1e9, connectionBytesPerSecond: 2_000_000 };
    const distance = await distanceTo(port, { roundTripMs: 20, ...limits });
    const agents = Array.from({ length: 8 }, keptAlive);
    const answers = await Promise.all(agents.map((agent) => fetchBody(distance.port, agent)));
    for (const { bytes, durationMs } of answers) {
      expect(bytes.equals(body)).toBe(true);
      // 400 kB at 2 MB/s, and two round trips
      expect(durationMs).toBeGreaterThanOrEqual(230);
    }
  });

  it('lets go of a caller when the far side breaks', async () => {
    const { server, port } = await bucket();
    server.removeAllListeners('request');
    server.on('request', (incoming) => incoming.socket.destroy());
    const distance = await distanceTo(port, { roundTripMs: 2, bytesPerSecond: 1e9 });
    await expect(fetchBody(distance.port, keptAlive())).rejects.toThrow(/socket hang up|ECONNRESET/);
  });
});
