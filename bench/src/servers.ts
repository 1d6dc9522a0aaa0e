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
export function tempDirectory(stack: AsyncDisposableStack, parent = tmpdir()): string {
  const directory = mkdtempSync(join(parent, 'forebay-bench-'));
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  process.once('exit', remove);
  stack.defer(remove);
  return directory;
}

export interface UfsServer extends Server {
  /** Where it keeps the bucket's objects, as files under their keys. */
  readonly files: string;
}

/** versitygw where it can be had, otherwise a second Forebay, with the bucket made. */
export async function startUfs(stack: AsyncDisposableStack, directory: string): Promise<UfsServer> {
  mkdirSync(join(directory, 'ufs'), { recursive: true });
  const keys = { accessKey: 'BENCHUFSKEY', secretKey: randomBytes(24).toString('hex') };
  const versitygw = await tool('versitygw');
  if ('missing' in versitygw) return startForebayAsUfs(stack, join(directory, 'ufs'), keys);
  const port = await freePort();
  const data = join(directory, 'ufs', 'data');
  mkdirSync(data);
  const env = { ...process.env, ROOT_ACCESS_KEY: keys.accessKey, ROOT_SECRET_KEY: keys.secretKey };
  // S3 keeps connections, and it does not unless told.
  const args = ['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive', 'posix', data];
  const child = startProcess(versitygw.path, args, { env });
  stack.defer(async () => void (await child.stop()));
  await untilReady(child, () => isPortOpen(port));
  const target = { endpoint: `http://127.0.0.1:${port}`, ...keys };
  await makeBucket(target);
  // The build says no version; the directory it is kept in does.
  const version = /versitygw-(v[\d.]+)/.exec(versitygw.path)?.[1] ?? '';
  const files = join(data, bucket);
  return { ...target, name: `versitygw ${version}`.trim(), pid: child.pid, files };
}

async function makeBucket(target: S3Target): Promise<void> {
  const client = new SigningS3Client(target, { connectionsMax: 1 });
  await client.send({ method: 'PUT', path: `/${bucket}` }).finally(() => client.close());
}

type Keys = Pick<S3Target, 'accessKey' | 'secretKey'>;

async function startForebayAsUfs(
  stack: AsyncDisposableStack,
  directory: string,
  keys: Keys,
): Promise<UfsServer> {
  const files = join(directory, 'data-files');
  mkdirSync(files);
  const mounts = [`/${bucket}=file://${files}?maxObjectSize=0`];
  const child = await startServe({ name: 'the UFS', directory, ...keys, mounts, signal: never });
  stack.defer(() => child.stop());
  const { endpoint, pid } = child;
  return { ...keys, endpoint, name: 'a second Forebay on a directory', pid, files };
}

export interface ForebayServer extends Server {
  readonly adminUrl: string;
  stop(): Promise<void>;
}

export interface BenchMount {
  readonly name: string;
  /** How Forebay reaches the UFS, where not directly: a distance, a proxy. */
  readonly endpoint?: string;
  /** `&pageSize=64KiB` */
  readonly options?: string;
}

export interface ForebayOptions {
  /** Where its data directory goes. */
  readonly directory: string;
  readonly ufs: Server;
  /** Each is the same bucket with pages of its own, so that each round finds a cold cache. */
  readonly mounts: readonly BenchMount[];
  /** Further ones, as on the command line. */
  readonly flags?: readonly string[];
}

export async function startForebay(
  stack: AsyncDisposableStack,
  options: ForebayOptions,
): Promise<ForebayServer> {
  const { ufs, mounts } = options;
  const directory = join(options.directory, 'forebay');
  mkdirSync(directory, { recursive: true });
  const keys = { accessKey: 'BENCHFOREBAYKEY', secretKey: randomBytes(24).toString('hex') };
  const uriOf = ({ endpoint = ufs.endpoint, options: more = '' }: BenchMount) =>
    `s3://${bucket}?endpoint=${endpoint}&credentials=env:BENCH&ttl=1h${more}`;
  const child = await startServe({
    name: 'Forebay',
    directory,
    ...keys,
    mounts: mounts.map((mount) => `/${mount.name}=${uriOf(mount)}`),
    flags: options.flags ?? [],
    env: { BENCH_ACCESS_KEY_ID: ufs.accessKey, BENCH_SECRET_ACCESS_KEY: ufs.secretKey },
    signal: never,
  });
  stack.defer(() => child.stop());
  const { endpoint, adminUrl, pid, stop } = child;
  return { ...keys, endpoint, adminUrl, name: 'Forebay', pid, stop };
}

/** Where a client of a server reads. */
export function targetOf({ endpoint, accessKey, secretKey }: Server): S3Target {
  return { endpoint, accessKey, secretKey };
}
