import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { S3Error } from '../errors.ts';
import { RawHeaders } from '../headers.ts';
import { read, signing, unsigned } from './body-fixture.ts';
import type { PayloadMode } from './payload-mode.ts';
import { createRequestBody } from './request-body.ts';

describe('over a socket', () => {
  const open: (() => void)[] = [];
  afterEach(() => {
    for (const close of open.splice(0)) close();
  });

  async function serve(listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void) {
    const server = createServer(listener);
    open.push(() => server.close().closeAllConnections());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    open.push(() => socket.destroy());
    return socket;
  }

  const errorOfBody = async (incoming: IncomingMessage, mode: PayloadMode) => {
    const headers = new RawHeaders(incoming.rawHeaders);
    return (await read(createRequestBody({ incoming, headers, mode, method: 'PUT' }))).error;
  };

  test('a client that leaves in the middle is an incomplete body', async () => {
    const { promise, resolve } = Promise.withResolvers<S3Error | undefined>();
    const socket = await serve((incoming) => {
      void errorOfBody(incoming, unsigned).then(resolve);
      socket.destroy();
    });
    socket.write('PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nhello');
    expect((await promise)?.code).toBe('IncompleteBody');
  });

  test('a refusal in the middle leaves the connection to the answer and to the next request', async () => {
    const destroyed: boolean[] = [];
    const mode: PayloadMode = { kind: 'streaming', signed: signing, trailer: false };
    const socket = await serve(async (incoming, outgoing) => {
      const error = incoming.method === 'PUT' ? await errorOfBody(incoming, mode) : undefined;
      destroyed.push(incoming.destroyed);
      incoming.resume();
      outgoing.end(error?.code ?? 'no error');
    });
    let answers = '';
    socket.on('data', (data) => {
      answers += data;
    });
    const chunk = `2000;chunk-signature=${'0'.repeat(64)}\r\n${'x'.repeat(8192)}\r\n`;
    const head = 'PUT /b/k HTTP/1.1\r\nhost: h\r\nx-amz-decoded-content-length: 16384\r\n';
    socket.write(`${head}content-length: ${chunk.length * 2}\r\n\r\n${chunk}`);
    while (!answers.includes('SignatureDoesNotMatch')) await once(socket, 'data');
    socket.write(`${chunk}GET /b/k HTTP/1.1\r\nhost: h\r\n\r\n`);
    while (!answers.includes('no error')) await once(socket, 'data');
    expect(destroyed).toEqual([false, false]);
    expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });
});
