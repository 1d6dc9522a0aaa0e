/** Real S3 servers for tests, on free loopback ports, each with a data directory or store of its own. */
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { freePort, isPortOpen, type ServerProcess, startProcess, untilReady } from './process.ts';
import { type RadosgwOptions, startRadosgw } from './radosgw.ts';
import { tempDir } from './temp.ts';
import { toolPath } from './tools.ts';

/** Where S3 answers and who may ask: a test server, the counting proxy before it, or Forebay itself. */
export interface S3Endpoint {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface S3Server extends S3Endpoint {
  /** Where the objects lie as plain files (versitygw); undefined where they lie in memory. */
  readonly directory: string | undefined;
  createBucket(name: string): Promise<void>;
  /** Ends it in good order. */
  stop(): Promise<void>;
  /** Kills it at once. */
  kill(): Promise<void>;
}

const credentials = { accessKey: 'UFSTESTACCESSKEY', secretKey: 'ufs-test-secret-key-0123456789' };

export interface VersitygwOptions {
  /** Objects of an earlier server; a fresh directory otherwise. */
  readonly directory?: string;
  /** That of an earlier server, to come back where it was; a free one otherwise. */
  readonly port?: number;
  /** The one region whose signatures it takes; us-east-1 without it. */
  readonly region?: string;
  /** Keep versions in buckets that ask for it. */
  readonly versioning?: boolean;
}

/**
 * Behind `needs('versitygw')`. Strict and independent, but it cannot store every key (docs/decisions/0003).
 */
export async function startVersitygw(options: VersitygwOptions = {}): Promise<S3Server> {
  const program = await toolPath('versitygw');
  const directory = options.directory ?? tempDir('versitygw');
  const versions = options.versioning ? ['--versioning-dir', tempDir('versitygw-versions')] : [];
  const env = {
    ...process.env,
    ROOT_ACCESS_KEY: credentials.accessKey,
    ROOT_SECRET_KEY: credentials.secretKey,
  };
  const port = options.port ?? (await freePort());
  const { region = 'us-east-1' } = options;
  const place = ['--port', `127.0.0.1:${port}`, '--region', region];
  const args = [...place, '--quiet', 'posix', ...versions, directory];
  const server = startProcess(program, args, { env });
  await untilReady(server, () => isPortOpen(port));
  return s3Server({ port, directory, region, processes: [server] });
}

/** Behind `needs('radosgw')`. Stores any key S3 allows; knows no trailing checksums. */
export async function startAnyKeyServer(
  options: Pick<RadosgwOptions, 'partBytesMin'> = {},
): Promise<S3Server> {
  const { port, processes } = await startRadosgw({ ...credentials, ...options });
  return s3Server({ port, directory: undefined, region: 'us-east-1', processes });
}

function s3Server({
  port,
  directory,
  region,
  processes,
}: {
  port: number;
  directory: string | undefined;
  region: string;
  processes: readonly ServerProcess[];
}): S3Server {
  const server = { endpoint: `http://127.0.0.1:${port}`, ...credentials };
  const end = async (signal: NodeJS.Signals) => {
    for (const one of processes) await one.stop(signal);
  };
  return {
    ...server,
    directory,
    createBucket: (name) => createBucket(server, region, name),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/**
 * The stock client for JavaScript, path-style, with checksums only where S3 requires them. Destroy it after
 * use.
 */
export function s3ClientFor({ endpoint, accessKey, secretKey }: S3Endpoint, region = 'us-east-1'): S3Client {
  return new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

async function createBucket(server: S3Endpoint, region: string, name: string): Promise<void> {
  const client = s3ClientFor(server, region);
  try {
    await client.send(new CreateBucketCommand({ Bucket: name }));
  } finally {
    client.destroy();
  }
}

/** The file that holds an object of a versitygw server: writing it is a change behind everybody's back. */
export function fileOf(server: S3Server, bucket: string, key: string): string {
  if (server.directory === undefined) throw new Error('this server keeps no files');
  return join(server.directory, bucket, key);
}
