import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Connection } from './connection.ts';
import { Exchange } from './exchange.ts';
import { ReadBuffers } from './read-buffers.ts';

it('a connection that has been given up tells whoever sends on it', async () => {
  const server = createServer((socket) => socket.on('error', () => {}));
  onTestFinished(() => {
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const buffers = new ReadBuffers({ keptBytesMax: 0 });
  const connection = new Connection({
    origin: new URL(`http://127.0.0.1:${port}`),
    buffers,
    connectTimeoutMs: 60_000,
    session: undefined,
    onSession: () => {},
    onClose: () => {},
  });
  await connection.ready;
  connection.destroy(new Error('another request has answered first'));
  const exchange = new Exchange({
    connection,
    buffers,
    method: 'GET',
    signal: undefined,
    headTimeoutMs: 60_000,
    bodyIdleTimeoutMs: 60_000,
    onDone: () => {},
  });
  await expect(exchange.run('GET / HTTP/1.1\r\n\r\n', undefined)).rejects.toThrow(/answered first/);
});
