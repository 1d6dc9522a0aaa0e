/** What is measured: a UFS and a Forebay before it, each a real process on loopback. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type S3Target, SigningS3Client } from 'forebay/demo/s3-client';
import { startServe } from 'forebay/demo/serve-child';
import { freePort, isPortOpen, startProcess, untilReady } from '../../test/support/process.ts';
import { tool } from '../../test/support/tools.ts';

export interface Server extends S3Target {
  /** `versitygw v1.8.0` */
  readonly name: string;
  readonly pid: number;
}

export const bucket = 'bench';
const never = new AbortController().signal;

/** Removed when the stack is. */
export function tempDirectory(stack: AsyncDisposableStack): string {
  const directory = mkdtempSync(join(tmpdir(), 'forebay-bench-'));
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  process.once('exit', remove);
  stack.defer(remove);
  return directory;
}

/** versitygw where it can be had, otherwise a second Forebay, with the bucket made. */
export async function startUfs(stack: AsyncDisposableStack, directory: string): Promise<Server> {
  mkdirSync(join(directory, 'ufs'), { recursive: true });
  const keys = { accessKey: 'BENCHUFSKEY', secretKey: randomBytes(24).toString('hex') };
  const versitygw = await tool('versitygw');
  if ('missing' in versitygw) return startForebayAsUfs(stack, join(directory, 'ufs'), keys);
  const port = await freePort();
  const data = join(directory, 'ufs', 'data');
  mkdirSync(data);
  const env = { ...process.env, ROOT_ACCESS_KEY: keys.accessKey, ROOT_SECRET_KEY: keys.secretKey };
  const args = ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', data];
  const child = startProcess(versitygw.path, args, { env });
  stack.defer(async () => void (await child.stop()));
  await untilReady(child, () => isPortOpen(port));
  const target = { endpoint: `http://127.0.0.1:${port}`, ...keys };
  await put(target, [{ path: `/${bucket}` }]);
  // The build says no version; the directory it is kept in does.
  const version = /versitygw-(v[\d.]+)/.exec(versitygw.path)?.[1] ?? '';
  return { ...target, name: `versitygw ${version}`.trim(), pid: child.pid };
}

type Keys = Pick<S3Target, 'accessKey' | 'secretKey'>;

async function startForebayAsUfs(
  stack: AsyncDisposableStack,
  directory: string,
  keys: Keys,
): Promise<Server> {
  const data = join(directory, 'data-files');
  mkdirSync(data);
  const mounts = [`/${bucket}=file://${data}?maxObjectSize=0`];
  const child = await startServe({ name: 'the UFS', directory, ...keys, mounts, signal: never });
  stack.defer(() => child.stop());
  return { ...keys, endpoint: child.endpoint, name: 'a second Forebay on a directory', pid: child.pid };
}

/** Each mount is the same bucket with pages of its own, so that each round finds a cold cache. */
export async function startForebay(
  stack: AsyncDisposableStack,
  options: { readonly directory: string; readonly ufs: Server; readonly mountNames: readonly string[] },
): Promise<Server> {
  const { ufs, mountNames } = options;
  const directory = join(options.directory, 'forebay');
  mkdirSync(directory);
  const keys = { accessKey: 'BENCHFOREBAYKEY', secretKey: randomBytes(24).toString('hex') };
  const uri = `s3://${bucket}?endpoint=${ufs.endpoint}&credentials=env:BENCH&ttl=1h`;
  const child = await startServe({
    name: 'Forebay',
    directory,
    ...keys,
    mounts: mountNames.map((name) => `/${name}=${uri}`),
    env: { BENCH_ACCESS_KEY_ID: ufs.accessKey, BENCH_SECRET_ACCESS_KEY: ufs.secretKey },
    signal: never,
  });
  stack.defer(() => child.stop());
  return { ...keys, endpoint: child.endpoint, name: 'Forebay', pid: child.pid };
}

/** Makes buckets and objects, one after the other. */
export async function put(
  target: S3Target,
  things: readonly { readonly path: string; readonly body?: Uint8Array }[],
): Promise<void> {
  const client = new SigningS3Client(target, { connectionsMax: 1 });
  try {
    for (const { path, body } of things) await client.send({ method: 'PUT', path, ...(body && { body }) });
  } finally {
    client.close();
  }
}
