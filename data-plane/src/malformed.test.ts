import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Log } from '@forebay/core/log';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { anyPort, never, openObject, Pairs, secret } from './testing/pair.ts';
import { contentOf, refOf } from './testing/scripted-node.ts';
import { frameType, headerBytes, protocolVersion, writeHeader } from './wire/frame.ts';
import { helloOf, makeNonce, proofOf } from './wire/handshake.ts';

const pairs = new Pairs();
afterEach(() => pairs.clear());

function frame(type: number, stream: number, payload: Uint8Array, metaBytes = payload.length): Buffer {
  const header = Buffer.alloc(headerBytes);
  writeHeader(header, 0, { type, stream, flags: 0, metaBytes, payloadBytes: payload.length });
  return Buffer.concat([header, payload]);
}

/** A log that counts its lines. */
function countingLog(): { log: Log; lines: unknown[] } {
  const lines: unknown[] = [];
  const warn = (...line: unknown[]) => void lines.push(line);
  return { log: { warn, error: warn, info: warn } as unknown as Log, lines };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** A connection that the node has let in. */
async function visit(port: number): Promise<Socket> {
  const socket = await dial(port);
  const nonce = makeNonce();
  socket.write(
    frame(frameType.hello, 0, helloOf({ version: protocolVersion, clientId: Buffer.alloc(16, 7), nonce })),
  );
  const [challenge] = (await once(socket, 'data')) as [Buffer];
  const nonces = { client: nonce, node: challenge.subarray(headerBytes) };
  socket.write(frame(frameType.proof, 0, proofOf(secret, 'client', nonces)));
  await once(socket, 'data');
  return socket;
}

async function served() {
  const { log, lines } = countingLog();
  const pair = await pairs.open({ server: { log, handshakeTimeoutMs: 60_000 } });
  pair.node.put('a', contentOf(100));
  const { port } = pair.address as { port: number };
  const alive = () => openObject(pair.remote, { object: refOf('a'), want: 'bytes' });
  return { ...pair, port, lines, alive };
}

const part = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const anyFrame = fc
  .tuple(fc.constantFrom(...Object.values(frameType)), fc.nat({ max: 3 }), part(64), fc.nat({ max: 64 }))
  .map(([type, stream, payload, metaBytes]) =>
    frame(type, stream, payload, Math.min(metaBytes, payload.length)),
  );
const json = fc.json().map((text) => frame(frameType.call, 1, Buffer.from(text)));
const bytes = fc.oneof(
  part(100),
  json,
  fc.array(anyFrame, { maxLength: 5 }).map((frames) => Buffer.concat(frames)),
);

describe('a node', () => {
  it('ends a connection that speaks something else, with one line in its log, and serves the others', async () => {
    const { port, lines, alive } = await served();
    await fc.assert(
      fc.asyncProperty(bytes, fc.boolean(), async (sent, isVisitor) => {
        lines.splice(0);
        const socket = isVisitor ? await visit(port) : await dial(port);
        socket.end(sent);
        socket.resume();
        await once(socket, 'close');
        expect(lines.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 150 },
    );
    expect((await alive()).info.sizeBytes).toBe(100);
  });

  it.each([
    [
      'a frame that is too long',
      Buffer.concat([
        Buffer.from([0xff, 0xff, 0xff, 0x7f]),
        frame(frameType.open, 1, Buffer.alloc(0)).subarray(4),
      ]),
    ],
    ['a meta part longer than its frame', frame(frameType.open, 1, Buffer.alloc(4), 5)],
    ['an unknown type', frame(99, 1, Buffer.alloc(0))],
    ['what only nodes send', frame(frameType.data, 1, Buffer.alloc(4), 0)],
    ['an open that says nothing', frame(frameType.open, 1, Buffer.alloc(3))],
    ['a read of nothing', frame(frameType.read, 1, Buffer.alloc(50))],
    ['a call that is no JSON', frame(frameType.call, 1, Buffer.from('{'))],
    ['a second hello', frame(frameType.hello, 0, Buffer.alloc(49))],
    [
      'a stream twice',
      Buffer.concat([
        frame(frameType.call, 1, Buffer.from('{}')),
        frame(frameType.call, 1, Buffer.from('{}')),
      ]),
    ],
  ])('ends a connection for %s', async (_, sent) => {
    const { port, lines, alive } = await served();
    const socket = await visit(port);
    socket.write(sent);
    socket.resume();
    await once(socket, 'close');
    expect(lines).toHaveLength(1);
    await alive();
  });

  it('waits for a handshake no longer than it was told to', async () => {
    const { log, lines } = countingLog();
    const { address } = await pairs.open({ server: { log, handshakeTimeoutMs: 30 } });
    const socket = await dial((address as { port: number }).port);
    socket.resume();
    await once(socket, 'close');
    expect(lines).toHaveLength(1);
  });

  it('tells a client of another version so', async () => {
    const { port } = await served();
    const socket = await dial(port);
    socket.write(
      frame(frameType.hello, 0, helloOf({ version: 9, clientId: Buffer.alloc(16), nonce: makeNonce() })),
    );
    const [refused] = (await once(socket, 'data')) as [Buffer];
    expect(refused.toString()).toContain(`this node speaks version ${protocolVersion}, the client 9`);
  });
});

describe('a gateway', () => {
  it('ends a connection to a node that speaks something else, and its requests fail', async () => {
    const { port } = await served();
    await fc.assert(
      fc.asyncProperty(bytes, async (sent) => {
        const sockets: Socket[] = [];
        // Lets the handshake through, then says something of its own.
        const proxy = createServer((client) => {
          const upstream = connect({ host: '127.0.0.1', port });
          sockets.push(client, upstream);
          client.on('error', () => {});
          client.on('data', (asked: Buffer) => {
            if (asked[12]! < frameType.open) upstream.write(asked);
            else client.end(Buffer.concat([sent, Buffer.alloc(200)]));
          });
          upstream.pipe(client, { end: false });
        }).listen(anyPort);
        await once(proxy, 'listening');
        const address = { host: '127.0.0.1', port: (proxy.address() as { port: number }).port };
        const remote = await pairs.connect({ address, secret });
        const opening = remote.open({ object: refOf('a'), want: 'bytes', signal: never });
        await expect(opening).rejects.toBeInstanceOf(Error);
        expect(remote.lentBytes).toBe(0);
        remote.close();
        for (const socket of sockets) socket.destroy();
        proxy.close();
      }),
      { numRuns: 60 },
    );
  });
});
