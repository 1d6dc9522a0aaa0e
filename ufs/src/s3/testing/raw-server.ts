/** A store of a few lines for tests: it answers, byte for byte, whatever a test wants to see handled. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { ForebayError } from '@forebay/core/errors';
import { silentLog } from '@forebay/core/log';
import { onTestFinished } from 'vitest';
import type { Ufs } from '../../ufs.ts';
import type { S3Limits } from '../limits.ts';
import { openS3Ufs } from '../open.ts';

export interface RawRequest {
  readonly method: string;
  /** As it came. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly socket: Socket;
  /** 0 for the first request, whatever its connection. */
  readonly index: number;
  /** The whole body, asked for with `100 Continue` unless told not to; rejects where it is cut. */
  body(options?: { continues: boolean }): Promise<Buffer>;
  /** Raw bytes, one per character. */
  write(text: string): void;
}

export interface RawServer {
  readonly endpoint: string;
  readonly requests: readonly RawRequest[];
  /** Connections that were ever opened. */
  readonly connectionCount: number;
  /** Resolves once there was a connection and all are closed. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export async function startRawServer(handle: (request: RawRequest) => unknown): Promise<RawServer> {
  const requests: RawRequest[] = [];
  const sockets = new Set<Socket>();
  let connectionCount = 0;
  let onIdle = () => {};
  const onRequest = (incoming: IncomingMessage, response: ServerResponse) => {
    const { socket } = incoming;
    incoming.on('error', () => {});
    const request: RawRequest = {
      method: incoming.method ?? '',
      target: incoming.url ?? '',
      headers: incoming.headers,
      socket,
      index: requests.length,
      body: ({ continues } = { continues: true }) => {
        if (continues && incoming.headers.expect) response.writeContinue();
        return collectAll(incoming);
      },
      write: (text) => void socket.write(Buffer.from(text, 'latin1')),
    };
    requests.push(request);
    void handle(request);
  };
  const server = createServer(onRequest);
  server.on('checkContinue', onRequest);
  server.on('connection', (socket) => {
    connectionCount += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) onIdle();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get connectionCount() {
      return connectionCount;
    },
    idle: () =>
      new Promise((resolve) => {
        onIdle = resolve;
        if (connectionCount > 0 && sockets.size === 0) resolve();
      }),
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Head and body of an answer with content-length. */
export function reply(status: number, body = '', headers: readonly string[] = []): string {
  const lines = [
    `HTTP/1.1 ${status} Any`,
    `content-length: ${Buffer.byteLength(body, 'latin1')}`,
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

export function openRawUfs(endpoint: string, limits: Partial<S3Limits> = {}): Ufs {
  const location = {
    scheme: 's3',
    bucket: 'lake',
    prefix: '',
    endpoint,
    region: 'us-east-1',
    pathStyle: true,
    credentials: { kind: 'env', name: 'LAKE' },
  } as const;
  const env = { LAKE_ACCESS_KEY_ID: 'AKID', LAKE_SECRET_ACCESS_KEY: 'hidden-secret' };
  return openS3Ufs(location, { env, log: silentLog, limits });
}

export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  return (await collectAll(body)).toString('latin1');
}

export async function collectAll(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** A server and a driver before it, both closed when the test is over. */
export async function openStore(
  handle: (request: RawRequest) => unknown,
  limits?: Partial<S3Limits>,
): Promise<{ ufs: Ufs; server: RawServer }> {
  const server = await startRawServer(handle);
  const ufs = openRawUfs(server.endpoint, limits);
  onTestFinished(async () => {
    await ufs.close();
    await server.close();
  });
  return { ufs, server };
}

/** What it failed with; undefined where it did not. */
export function errorOf(promise: Promise<unknown>): Promise<ForebayError | undefined> {
  return promise.then(
    () => undefined,
    (error: ForebayError) => error,
  );
}
