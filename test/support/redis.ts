/** A real Redis for tests, with its data in a directory of its own: it comes back with what it had. */
import { join } from 'node:path';
import { freePort, isPortOpen, type ServerProcess, startProcess, untilReady } from './process.ts';
import { tempDir } from './temp.ts';
import { toolPath } from './tools.ts';

export interface Redis {
  /** `redis://HOST:PORT` */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
  kill9(): Promise<void>;
  /** SIGSTOP: it keeps its connections and answers nothing. */
  pause(): void;
  resume(): void;
  /** After `stop` or `kill9`, on the same port. */
  start(): Promise<void>;
}

/** Behind `needs('redis')`. @param host where it listens, beside 127.0.0.1 */
export async function startRedis(host = '127.0.0.1'): Promise<Redis> {
  const root = await toolPath('redis');
  const program = join(root, 'usr/bin/redis-server');
  const libraries = ['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu'].map((path) => join(root, path));
  const env = { ...process.env, LD_LIBRARY_PATH: libraries.join(':') };
  const port = await freePort();
  const hosts = [...new Set(['127.0.0.1', host])];
  const data = ['--dir', tempDir('redis'), '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const place = ['--port', String(port), '--bind', ...hosts, '--protected-mode', 'no'];
  const launch = async (): Promise<ServerProcess> => {
    const server = startProcess(program, [...place, ...data], { env });
    await untilReady(server, () => isPortOpen(port));
    return server;
  };
  let server = await launch();
  return {
    ...{ url: `redis://${host}:${port}`, host, port },
    stop: async () => void (await server.stop()),
    kill9: async () => void (await server.stop('SIGKILL')),
    pause: () => void process.kill(server.pid, 'SIGSTOP'),
    resume: () => void process.kill(server.pid, 'SIGCONT'),
    start: async () => {
      server = await launch();
    },
  };
}
