/** Parts of files on their way to clients: the same bytes as through memory, whatever the client does. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { syscalls } from '@forebay/core/syscalls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PausingClient } from '../../../test/support/pausing-client.ts';
import { FileBody } from '../testing/file-body.ts';
import { type Sent, writeAnswer } from './answer.ts';

const MiB = 1024 * 1024;
const content = randomBytes(24 * MiB);
const onLinux = it.runIf(syscalls() !== undefined);

let folder: string;
let file: number;
let server: Server;
let bodies: FileBody[];
let sent: Promise<Sent>[];
let zeroCopy: boolean;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'forebay-send-'));
  file = openSync(join(folder, 'file'), 'w+');
  writeSync(file, content);
  [bodies, sent, zeroCopy] = [[], [], true];
  server = createServer((incoming, outgoing) => {
    const body = bodies[Number(incoming.url?.slice(1))]!;
    const headers = [['content-length', String(body.lengthBytes)]] as const;
    const context = { baseHeaders: [], headOnly: false, closeConnection: false, zeroCopy };
    sent.push(writeAnswer(outgoing, { status: 200, headers, body }, context));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  closeSync(file);
  rmSync(folder, { recursive: true, force: true });
});

function body(start = 0, end = content.byteLength, sliceBytesMax = MiB): number {
  return bodies.push(new FileBody({ file, content, start, end, sliceBytesMax })) - 1;
}

const hashOf = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');

const ways = [
  ['from files', true],
  ['through memory', false],
] as const;

describe.each(ways)('a body on a file, sent %s', (_, isZeroCopy) => {
  beforeEach(() => {
    zeroCopy = isZeroCopy;
  });

  it.each([
    ['one slice', 0, MiB, MiB],
    ['slices of odd lengths', 1, 3 * MiB + 17, 99_991],
    ['many small slices', 5, 200_000, 1000],
    ['more than sockets take', 0, 24 * MiB, MiB],
    ['one slice that is more than sockets take', 77, 24 * MiB - 1, 24 * MiB],
  ])('arrives as it is: %s', async (_name, start, end, sliceBytesMax) => {
    const client = await PausingClient.open((server.address() as AddressInfo).port);
    client.get(`/${body(start, end, sliceBytesMax)}`);
    await client.head();
    expect(hashOf(await client.read(end - start))).toBe(hashOf(content.subarray(start, end)));
    expect(await sent[0]).toEqual({ end: 'whole', bodyBytes: end - start });
    expect(bodies[0]!.returned || !isZeroCopy).toBe(true);
    if (!isZeroCopy || !syscalls()) expect(bodies[0]!.slices).toBe(0);
  });

  it('arrives as it is at a client that reads little at a time', async () => {
    const client = await PausingClient.open((server.address() as AddressInfo).port);
    client.get(`/${body(3, 12 * MiB)}`);
    await client.head();
    const parts: Buffer[] = [];
    for (let at = 3; at < 12 * MiB; at += 50_000) {
      parts.push(await client.read(Math.min(50_000, 12 * MiB - at)));
      if (parts.length % 20 === 0) await new Promise(setImmediate);
    }
    expect(hashOf(Buffer.concat(parts))).toBe(hashOf(content.subarray(3, 12 * MiB)));
    expect(await sent[0]).toMatchObject({ end: 'whole' });
  });

  it('arrives in its order where several are asked for at once, and the next on the same connection', async () => {
    const client = await PausingClient.open((server.address() as AddressInfo).port);
    const spans = [
      [0, 9 * MiB],
      [7, 8],
      [100, 3 * MiB],
      [MiB, 2 * MiB],
    ] as const;
    client.get(...spans.map(([start, end]) => `/${body(start, end)}`));
    for (const [start, end] of [...spans, spans[0]]) {
      if (sent.length === spans.length && bodies.length === spans.length) client.get(`/${body(...spans[0])}`);
      expect(await client.head()).toContain(`content-length: ${end - start}`);
      expect(hashOf(await client.read(end - start))).toBe(hashOf(content.subarray(start, end)));
    }
    for (const one of sent) expect(await one).toMatchObject({ end: 'whole' });
  });
});

describe.each(ways)('a body on a file, sent %s, to a client that leaves', (_, isZeroCopy) => {
  beforeEach(() => {
    zeroCopy = isZeroCopy;
  });

  it('is returned where the client leaves in the middle', async () => {
    const client = await PausingClient.open((server.address() as AddressInfo).port);
    client.get(`/${body()}`);
    await client.head();
    await client.read(100_000);
    client.socket.destroy();
    expect(await sent[0]).toMatchObject({ end: 'client-gone' });
    expect(bodies[0]!.returned).toBe(true);
  });

  it('is seen as waiting for the client where the client takes no more', async () => {
    server.setTimeout(200);
    const client = await PausingClient.open((server.address() as AddressInfo).port);
    client.get(`/${body()}`);
    // What closes stalled connections looks at this.
    const [socket] = (await once(server, 'timeout')) as [Socket];
    expect(socket.writableLength).toBeGreaterThan(0);
    socket.destroy();
    expect(await sent[0]).toMatchObject({ end: 'client-gone' });
    expect(bodies[0]!.returned).toBe(true);
  });

  it('is returned where the client sends a reset', async () => {
    const client = await PausingClient.open((server.address() as AddressInfo).port);
    client.get(`/${body()}`);
    await client.head();
    client.socket.resetAndDestroy();
    expect(await sent[0]).toMatchObject({ end: 'client-gone' });
    expect(bodies[0]!.returned).toBe(true);
  });
});

describe('a file that is not what it should be', () => {
  onLinux('is read where it cannot be sent, and the answer is whole', async () => {
    ftruncateSync(file, 5 * MiB + 1000);
    const client = await PausingClient.open((server.address() as AddressInfo).port);
    client.get(`/${body()}`);
    await client.head();
    expect(hashOf(await client.read(content.byteLength))).toBe(hashOf(content));
    expect(await sent[0]).toMatchObject({ end: 'whole' });
    expect(bodies[0]!.slices).toBeGreaterThan(4);
    expect(bodies[0]!.pieces).toBeGreaterThan(17);
  });

  onLinux('cuts the answer where it cannot be read either', async () => {
    ftruncateSync(file, 5 * MiB + 1000);
    const client = await PausingClient.open((server.address() as AddressInfo).port);
    client.get(`/${body()}`);
    bodies[0]!.piecesFail = true;
    await client.head();
    const received = await client.read(content.byteLength);
    expect(received.byteLength).toBeLessThan(content.byteLength);
    expect(content.subarray(0, received.byteLength).equals(received)).toBe(true);
    expect(await sent[0]).toMatchObject({ end: 'cut' });
    expect(bodies[0]!.returned).toBe(true);
  });

  onLinux('is read where it is no file at all', async () => {
    const client = await PausingClient.open((server.address() as AddressInfo).port);
    const number = bodies.push(
      new FileBody({ file: 99_999, content, start: 0, end: 3 * MiB, sliceBytesMax: MiB }),
    );
    client.get(`/${number - 1}`);
    await client.head();
    expect(hashOf(await client.read(3 * MiB))).toBe(hashOf(content.subarray(0, 3 * MiB)));
    expect(await sent[0]).toMatchObject({ end: 'whole' });
  });
});
