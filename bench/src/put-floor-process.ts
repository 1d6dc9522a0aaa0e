/**
 * The least that a PUT can cost in Node: a process that reads bytes from one socket, hashes them, and writes
 * them to another. Its argument is the port it sends to. It tells the port it listens on, and answers each
 * connection with one byte when all has gone through.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

const sinkPort = Number(process.argv[2]);

const server = createServer({ allowHalfOpen: true }, (socket) => void relay(socket));
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { port: number }).port }));

async function relay(source: Socket): Promise<void> {
  const sink = connect({ port: sinkPort, host: '127.0.0.1' });
  await once(sink, 'connect');
  const hash = createHash('sha256');
  for await (const piece of source as AsyncIterable<Buffer>) {
    hash.update(piece);
    if (!sink.write(piece)) await once(sink, 'drain');
  }
  sink.end();
  await once(sink, 'close');
  source.end('.');
}
