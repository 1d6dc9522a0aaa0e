/**
 * An S3 server that keeps its keys in an index in memory (gofakes3, a skip list), and takes a million of them
 * in minutes. It checks no signatures.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { installOnce } from './cache.ts';
import { freePort, isPortOpen, mustRun, run, startProcess, untilReady } from './process.ts';
import type { S3Endpoint } from './servers.ts';

const version = 'v1.2.0';

export interface IndexedServer extends S3Endpoint {
  /** Bytes of all its memory now. */
  residentBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** Options for `describe`: skipped with the reason where the server cannot be had. */
export async function needsIndexedServer(): Promise<{ skip: boolean; meta: { skipReason?: string } }> {
  try {
    await installed();
    return { skip: false, meta: {} };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]!.slice(0, 300) : String(error);
    return { skip: true, meta: { skipReason: `gofakes3 cannot be installed: ${reason}` } };
  }
}

async function installed(): Promise<string> {
  const directory = await installOnce(`gofakes3-${version}`, async (target) => {
    const module = `github.com/johannesboyne/gofakes3/cmd/gofakes3@${version}`;
    const env = { ...process.env, GOBIN: target, CGO_ENABLED: '0' };
    await mustRun('go', ['install', '-trimpath', module], { env });
  });
  return join(directory, 'gofakes3');
}

/** With one empty bucket. */
export async function startIndexedServer(bucket: string): Promise<IndexedServer> {
  const port = await freePort();
  const args = ['-backend', 'memory', '-host', `127.0.0.1:${port}`, '-initialbucket', bucket, '-quiet'];
  const server = startProcess(await installed(), args);
  await untilReady(server, () => isPortOpen(port));
  return {
    endpoint: `http://127.0.0.1:${port}`,
    accessKey: 'ANYACCESSKEY',
    secretKey: 'any-secret-key',
    residentBytes: async () => {
      const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(server.pid)]);
      return Number(stdout) * 1024;
    },
    stop: async () => void (await server.stop('SIGKILL')),
  };
}

const connections = 4;
/** Requests that one connection has sent and not been answered: enough to keep the server busy. */
const batchSize = 500;

/** Puts an empty object under each key, in the order of the keys on each connection. */
export async function loadKeys(
  server: S3Endpoint,
  { bucket, count, keyAt }: { bucket: string; count: number; keyAt: (index: number) => string },
): Promise<void> {
  const { hostname, port } = new URL(server.endpoint);
  const share = Math.ceil(count / connections);
  const loads = Array.from({ length: connections }, async (_, connection) => {
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const end = Math.min(count, (connection + 1) * share);
    for (let start = connection * share; start < end; start += batchSize) {
      const size = Math.min(batchSize, end - start);
      const heads = Array.from({ length: size }, (_unused, offset) => {
        const path = `/${bucket}/${keyAt(start + offset)}`;
        return `PUT ${path} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 0\r\n\r\n`;
      });
      const answered = answers(socket, size);
      socket.write(heads.join(''));
      await answered;
    }
    socket.destroy();
  });
  await Promise.all(loads);
}

/** Resolves once so many answers came, none of which has a body. @throws Error for one that is no success */
async function answers(socket: Socket, count: number): Promise<void> {
  const end = Promise.withResolvers<void>();
  let left = count;
  let rest = '';
  const take = (bytes: Buffer) => {
    const heads = (rest + bytes.toString('latin1')).split('\r\n\r\n');
    rest = heads.pop()!;
    for (const head of heads) {
      left -= 1;
      if (!head.startsWith('HTTP/1.1 200')) end.reject(new Error(`a key was not taken: ${head}`));
    }
    if (left === 0) end.resolve();
  };
  const close = () => end.reject(new Error('the server closed a connection'));
  socket.on('data', take).once('close', close);
  try {
    await end.promise;
  } finally {
    socket.off('data', take).off('close', close);
  }
}
