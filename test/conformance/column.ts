/** One column of the table: a store, a Forebay in front of it, and the buckets that the probes ask for. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { type ForebayProcess, startForebay } from '../support/forebay-process.ts';
import { run } from '../support/process.ts';
import {
  type S3Endpoint,
  type S3Server,
  s3ClientFor,
  startAnyKeyServer,
  startVersitygw,
} from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { toolPath, versitygwVersion } from '../support/tools.ts';
import { WireClient } from '../support/wire-client.ts';
import type { BucketKind, Probe } from './check.ts';
import { Target, type World } from './target.ts';

export type ColumnName = 'versitygw' | 'radosgw' | 'file';
export const columnNames: readonly ColumnName[] = ['versitygw', 'radosgw', 'file'];

export interface Column {
  readonly name: ColumnName;
  /** `versitygw v1.8.0` */
  readonly version: string;
  /** The probe's view through Forebay. Close it after use. */
  throughForebay(probe: Probe): Target;
  /** Its view of the store itself, on buckets of its own; undefined where the store speaks no S3. */
  direct(probe: Probe): Promise<Target | undefined>;
  stop(): Promise<void>;
}

const domain = 's3.forebay.test';
const sharedBucket = 'conformance';
const s3Query = (endpoint: string) =>
  `endpoint=${endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`;

/** Starts the store and makes the buckets of these probes. */
export async function startColumn(name: ColumnName, probes: readonly Probe[]): Promise<Column> {
  return name === 'file' ? startFileColumn(probes) : startS3Column(name, probes);
}

async function startS3Column(name: 'versitygw' | 'radosgw', probes: readonly Probe[]): Promise<Column> {
  const store = name === 'versitygw' ? await startVersitygw({ versioning: true }) : await startAnyKeyServer();
  const buckets = new Buckets(store);
  for (const bucket of [sharedBucket, 'open']) await buckets.make(bucket, 'own');
  for (const probe of probes) {
    if (probe.bucket !== 'shared') await buckets.make(bucketOf('f', probe), probe.bucket);
  }
  const query = s3Query(store.endpoint);
  const forebay = await startForebay({
    mounts: [
      `/{bucket}=s3://{bucket}?${query}`,
      `/open=s3://open?${query}&anonymous=read`,
      `/gone=s3://gone?${s3Query('http://127.0.0.1:1')}`,
      `/other=file://${tempDir('conformance-other')}`,
    ],
    flags: ['--domain', domain],
    env: { UFS_ACCESS_KEY_ID: store.accessKey, UFS_SECRET_ACCESS_KEY: store.secretKey },
  });
  return {
    name,
    version: name === 'versitygw' ? `versitygw ${versitygwVersion}` : await radosgwVersion(),
    throughForebay: (probe) => targetOf(forebay, 'f', probe),
    direct: async (probe) => {
      if (probe.bucket !== 'shared') await buckets.make(bucketOf('d', probe), probe.bucket);
      await buckets.make('other', 'own');
      return targetOf(store, 'd', probe);
    },
    stop: () => stopBoth(forebay, store),
  };
}

async function startFileColumn(probes: readonly Probe[]): Promise<Column> {
  const root = tempDir('conformance-file');
  const own = probes.filter(({ bucket }) => bucket !== 'shared').map((probe) => bucketOf('f', probe));
  const mounts = [sharedBucket, 'other', ...own].map((bucket) => {
    mkdirSync(join(root, bucket), { recursive: true });
    return `/${bucket}=file://${join(root, bucket)}`;
  });
  mkdirSync(join(root, 'open'));
  const special = [`/open=file://${join(root, 'open')}?anonymous=read`, `/gone=file://${join(root, 'gone')}`];
  const forebay = await startForebay({ mounts: [...mounts, ...special], flags: ['--domain', domain] });
  return {
    name: 'file',
    version: 'a directory',
    throughForebay: (probe) => targetOf(forebay, 'f', probe, true),
    direct: async () => undefined,
    stop: () => stopBoth(forebay, undefined),
  };
}

async function stopBoth(forebay: ForebayProcess, store: S3Server | undefined): Promise<void> {
  await forebay.remove();
  await store?.stop();
}

type Side = 'f' | 'd';

function targetOf(server: S3Endpoint, side: Side, probe: Probe, isDirectory = false): Target {
  const world: World = {
    openBucket: side === 'f' ? 'open' : undefined,
    goneBucket: side === 'f' ? 'gone' : undefined,
    domain: side === 'f' ? domain : undefined,
    otherBucket: 'other',
    isDirectory,
    freshBucket: `${side}-fresh-${slugOf(probe)}`,
  };
  const bucket = probe.bucket === 'shared' ? sharedBucket : bucketOf(side, probe);
  return new Target({ server, bucket, prefix: `${side}/${slugOf(probe)}/`, world });
}

/** Unique, and a name that a bucket can have. */
function bucketOf(side: Side, probe: Probe): string {
  return `${side}-${slugOf(probe)}`;
}

function slugOf({ id }: Probe): string {
  return id.toLowerCase().replaceAll('.', '-');
}

/** Makes buckets at the store itself, each once. */
class Buckets {
  readonly #store: S3Server;
  readonly #made = new Set<string>();

  constructor(store: S3Server) {
    this.#store = store;
  }

  async make(name: string, kind: BucketKind): Promise<void> {
    if (this.#made.has(name)) return;
    this.#made.add(name);
    if (kind === 'locked') await this.#makeLocked(name);
    else await this.#store.createBucket(name);
    if (kind === 'versioned') await this.#enableVersions(name);
  }

  async #makeLocked(name: string): Promise<void> {
    const client = new WireClient(this.#store);
    const headers = { 'x-amz-bucket-object-lock-enabled': 'true' };
    const reply = await client.send({ method: 'PUT', path: `/${name}`, headers });
    client.close();
    if (reply.status !== 200) throw new Error(`no locked bucket: ${reply.status} ${reply.code}`);
  }

  async #enableVersions(name: string): Promise<void> {
    const client = s3ClientFor(this.#store);
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }));
    client.destroy();
  }
}

/** `ceph version 16.2.15 (...) pacific (stable)` */
async function radosgwVersion(): Promise<string> {
  const root = await toolPath('radosgw');
  const folders = ['usr/lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu/ceph', 'lib/x86_64-linux-gnu'];
  const LD_LIBRARY_PATH = folders.map((folder) => join(root, folder)).join(':');
  const said = await run(join(root, 'usr/bin/radosgw'), ['--version'], {
    env: { ...process.env, LD_LIBRARY_PATH },
  });
  return `radosgw ${/version (\S+)/.exec(said.stdout)?.[1] ?? 'of an unknown version'}`;
}
