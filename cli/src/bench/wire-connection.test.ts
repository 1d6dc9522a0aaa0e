/** One connection against servers that answer, close and break off as they are told to. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { WireConnection } from './wire-connection.ts';

const ask = { head: 'GET / HTTP/1.1\r\nhost: x\r\n\r\n' };
let server: Server | undefined;
let connection: WireConnection | undefined;
afterEach(() => {
  connection?.close();
  server?.close();
});

/** Each request, on whatever connection, gets the next of the answers. */
async function connectTo(answers: ((socket: Socket) => void)[]): Promise<WireConnection> {
  let next = 0;
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => {
      answers[next]?.(socket);
      next += 1;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  connection = new WireConnection(`http://127.0.0.1:${port}`);
  return connection;
}

const whole = (socket: Socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');

it('reads one answer after the other, and gives the bytes', async () => {
  const [body, heads]: [string[], number[]] = [[], []];
  const wire = await connectTo([
    whole,
    (socket) => void socket.write('HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n'),
  ]);
  const first = await wire.send({
    ...ask,
    onHead: ({ status }) => heads.push(status),
    onBytes: (bytes) => body.push(bytes.toString()),
  });
  expect(first).toMatchObject({ status: 200, sizeBytes: 5 });
  expect([body.join(''), heads]).toEqual(['hello', [200]]);
  expect(await wire.send(ask)).toMatchObject({ status: 404, sizeBytes: 0 });
});

it('connects anew where the server closed in between, or said that it would', async () => {
  const wire = await connectTo([
    (socket) => void socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'),
    (socket) => {
      whole(socket);
      socket.end();
    },
    whole,
  ]);
  for (const sizeBytes of [2, 5]) expect((await wire.send(ask)).sizeBytes).toBe(sizeBytes);
  // The end of the connection arrives with nobody asking.
  await new Promise((done) => setImmediate(() => setImmediate(done)));
  expect((await wire.send(ask)).sizeBytes).toBe(5);
});

it('takes a body without a length up to the end of the connection', async () => {
  const wire = await connectTo([(socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end')]);
  expect(await wire.send(ask)).toMatchObject({ status: 200, sizeBytes: 13 });
});

it('passes over interim answers', async () => {
  const wire = await connectTo([
    (socket) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      whole(socket);
    },
  ]);
  expect(await wire.send(ask)).toMatchObject({ status: 200, sizeBytes: 5 });
});

it.each([
  [
    'a short body',
    'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello',
    'closed before the answer was complete',
  ],
  ['no answer', '', 'closed before the answer was complete'],
  ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 'no HTTP/1.1'],
])('fails for %s, and works again after', async (_, text, message) => {
  const wire = await connectTo([(socket) => void socket.end(text), whole]);
  await expect(wire.send(ask)).rejects.toThrow(message);
  expect((await wire.send(ask)).status).toBe(200);
});
