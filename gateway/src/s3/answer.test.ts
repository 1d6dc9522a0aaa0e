/** The way of a streamed answer to a client's socket. */
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { type Sent, writeAnswer } from './answer.ts';

const pieceBytes = 8 * 1024;
let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Lends one buffer for every piece, which is spoiled as soon as the next is asked for. */
class LentPieces implements AsyncIterableIterator<Uint8Array> {
  readonly #buffer = Buffer.alloc(pieceBytes);
  readonly #count: number;
  given = 0;
  returned = false;

  constructor(count: number) {
    this.#count = count;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    this.#buffer.fill(0xff);
    if (this.given === this.#count) return { done: true, value: undefined };
    this.given += 1;
    return { done: false, value: this.#buffer.fill(this.given % 256) };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#buffer.fill(0xff);
    this.returned = true;
    return { done: true, value: undefined };
  }
}

async function answerWith(body: LentPieces, count: number) {
  const context = { baseHeaders: [], headOnly: false, closeConnection: false };
  const headers = [['content-length', String(count * pieceBytes)]] as const;
  const sent = Promise.withResolvers<Sent>();
  server = createServer((_, outgoing) => {
    writeAnswer(outgoing, { status: 200, headers, body }, context).then(sent.resolve, sent.reject);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const request = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { request, response, sent: sent.promise };
}

it('asks for the next piece only when the last has left the process', async () => {
  const count = 2000;
  const body = new LentPieces(count);
  const { response, sent } = await answerWith(body, count);
  // Sockets take their fill while the client takes nothing.
  let before = -1;
  while (before !== body.given) {
    before = body.given;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(body.given).toBeLessThan(count);
  const received: Buffer[] = [];
  for await (const piece of response) received.push(piece as Buffer);
  const bytes = Buffer.concat(received);
  const expected = Buffer.concat(
    Array.from({ length: count }, (_, at) => Buffer.alloc(pieceBytes, (at + 1) % 256)),
  );
  expect(bytes.equals(expected)).toBe(true);
  expect(await sent).toMatchObject({ end: 'whole', bodyBytes: count * pieceBytes });
});

it('returns the stream of a client who leaves while a piece is on its way', async () => {
  const body = new LentPieces(10_000);
  const { request, response, sent } = await answerWith(body, 10_000);
  response.on('error', () => {});
  request.destroy();
  expect(await sent).toMatchObject({ end: 'client-gone' });
  expect(body.returned).toBe(true);
});
