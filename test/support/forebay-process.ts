/** A real `forebay serve` process with its own data directory, as a user would run it. */
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Environment, freePort, type ServerProcess, startProcess, untilReady } from './process.ts';
import type { S3Endpoint } from './servers.ts';
import { tempDir } from './temp.ts';

const mainFile = resolve(import.meta.dirname, '../../cli/src/main.ts');

export interface ForebayOptions {
  /** `PATH=UFS_URI`, as `--mount` takes them. */
  readonly mounts?: readonly string[];
  /** Further flags, as on the command line. */
  readonly flags?: readonly string[];
  /** Added to a bare environment (PATH and HOME). */
  readonly env?: Environment;
  /** An existing data directory; a fresh one otherwise. */
  readonly dataDir?: string;
  /** Root keys by environment; false leaves the making of a pair to Forebay. */
  readonly rootKeys?: boolean;
}

export interface ForebayProcess extends S3Endpoint {
  /** `http://127.0.0.1:ADMIN_PORT` */
  readonly admin: string;
  readonly dataDir: string;
  readonly pid: number;
  /** What this process and those before it printed. */
  log(): string;
  /** SIGTERM, then its exit code. The data directory stays. */
  stop(): Promise<number | null>;
  /** SIGKILL. The data directory stays. */
  kill9(): Promise<void>;
  /** Starts again on the same ports and data directory; ends the running process first. */
  restart(): Promise<void>;
  /** Starts again, and is killed this long after, ready or not. */
  dieStarting(afterMs: number): Promise<void>;
  /** Ends it and removes the data directory. */
  remove(): Promise<void>;
}

const rootKeys = { accessKey: 'FOREBAYTESTACCESSKEY', secretKey: 'forebay-test-secret-key-0123456789' };

/** @throws Error with its log where it ends or does not become ready. */
export async function startForebay(options: ForebayOptions = {}): Promise<ForebayProcess> {
  const dataDir = options.dataDir ?? join(tempDir('forebay'), 'data');
  const [port, adminPort] = await Promise.all([freePort(), freePort()]);
  const admin = `http://127.0.0.1:${adminPort}`;
  let earlier = '';
  let server = await launch({ options, dataDir, port, adminPort });
  const stop = async (signal: NodeJS.Signals) => (await server.stop(signal)).code;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    admin,
    ...rootKeys,
    dataDir,
    get pid() {
      return server.pid;
    },
    log: () => earlier + server.log(),
    stop: () => stop('SIGTERM'),
    kill9: async () => void (await stop('SIGKILL')),
    restart: async () => {
      await stop('SIGTERM');
      earlier += server.log();
      server = await launch({ options, dataDir, port, adminPort });
    },
    dieStarting: async (afterMs) => {
      await stop('SIGTERM');
      earlier += server.log();
      server = spawnServe({ options, dataDir, port, adminPort });
      await Promise.race([wait(afterMs), server.ended]);
      await stop('SIGKILL');
    },
    remove: async () => {
      await stop('SIGTERM');
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

interface Launch {
  readonly options: ForebayOptions;
  readonly dataDir: string;
  readonly port: number;
  readonly adminPort: number;
}

async function launch(of: Launch): Promise<ServerProcess> {
  const server = spawnServe(of);
  await untilReady(server, () => answersReady(of.adminPort));
  return server;
}

function spawnServe({ options, dataDir, port, adminPort }: Launch): ServerProcess {
  const mounts = (options.mounts ?? []).flatMap((mount) => ['--mount', mount]);
  const ports = ['--port', String(port), '--admin-port', String(adminPort)];
  const flags = ['serve', '--data-dir', dataDir, ...ports, ...mounts, ...(options.flags ?? [])];
  return startProcess(process.execPath, [mainFile, ...flags], { env: environment(options) });
}

function environment(options: ForebayOptions): Environment {
  const keys = {
    FOREBAY_ACCESS_KEY: rootKeys.accessKey,
    FOREBAY_SECRET_KEY: rootKeys.secretKey,
  };
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    // Many tests count requests to the UFS: on a busy machine a late one would be sent twice, as it should.
    FOREBAY_UFS_HEDGE_PERCENT_MAX: '0',
    // Tests that are about several processes ask for them; the variable runs any test with so many.
    FOREBAY_WORKERS: process.env.FOREBAY_TEST_WORKERS ?? '1',
    ...(options.rootKeys === false ? {} : keys),
    ...options.env,
  };
}

async function answersReady(adminPort: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}

/** Environment and mount flag for an S3 server as UFS, its keys by `credentials=env:UFS`. */
export function s3Mount(
  path: string,
  ufs: S3Endpoint,
  location: string,
): { mount: string; env: Environment } {
  const query = `endpoint=${ufs.endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`;
  return {
    mount: `${path}=s3://${location}?${query}`,
    env: { UFS_ACCESS_KEY_ID: ufs.accessKey, UFS_SECRET_ACCESS_KEY: ufs.secretKey },
  };
}
