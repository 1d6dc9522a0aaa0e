/** `forebay load`, `verify` and `copy`: work on many objects, as jobs that go on without the command line. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { parseSizeBytes } from '@forebay/core/bytes';
import { parseKeyPattern } from '@forebay/core/key-pattern';
import type { JobView } from '@forebay/registry/jobs/job-view';
import type { Command } from 'commander';
import { CommandError, usageError } from '../command-error.ts';
import { waitForJob } from '../job-waiting.ts';
import { type AdminContext, adminCommand } from './admin-command.ts';

interface JobOptions {
  readonly manifest?: string;
  readonly bucket?: string;
  readonly columns?: string;
  readonly priority?: string;
  readonly bandwidth?: string;
  readonly ufsRequests?: string;
  readonly concurrency?: string;
  readonly retries?: string;
  readonly replicas?: string;
  readonly metadataOnly?: true;
  readonly dryRun?: true;
  readonly schedule?: string;
  readonly move?: true;
  readonly wait?: true;
  readonly cancelOnInterrupt?: true;
}

export function loadCommand(): Command {
  const command = adminCommand({
    usage: 'load [keys]',
    summary: 'fill the cache with s3://bucket/prefix ahead of its use',
    examples: [
      'forebay load s3://lake/train/ --wait                 every key below train/, with a progress bar',
      'forebay load s3://lake/train/ --dry-run              how many, how much, and what it costs',
      'forebay load --manifest keys.txt --wait              lines s3://bucket/key; - is stdin',
      'forebay load --manifest inventory.csv.gz             S3 Inventory, or an S3 access log',
      'forebay load s3://lake/ --bandwidth 50MiB --priority low',
      'forebay load s3://lake/model/ --replicas 2           on two cache nodes of a cluster',
      "forebay load s3://lake/daily/ --schedule '0 3 * * *' every day at 03:00 UTC",
    ],
    run: (context) => makeJob(context, 'load'),
  });
  return withJobOptions(withManifest(command))
    .option('--replicas <count>', 'cache nodes that keep the pages, of a cluster: 1 to 3 (default 1)')
    .option('--metadata-only', 'info alone, no bytes');
}

export function verifyCommand(): Command {
  const command = adminCommand({
    usage: 'verify [keys]',
    summary: 'check that s3://bucket/prefix is cached: whole, undamaged and of the current version',
    examples: ['forebay verify s3://lake/train/ --wait'],
    run: (context) => makeJob(context, 'verify'),
  });
  return withJobOptions(withManifest(command));
}

export function copyCommand(): Command {
  const command = adminCommand({
    usage: 'copy <source> <target>',
    summary: 'copy objects from one mount to another, verified by checksum',
    examples: [
      'forebay copy s3://lake/train/ s3://archive/train/ --wait',
      'forebay copy s3://lake/a.bin s3://archive/b.bin',
      'forebay copy s3://lake/old/ s3://archive/old/ --move --wait',
    ],
    run: (context) => makeJob(context, (context.options as JobOptions).move ? 'move' : 'copy'),
  });
  return withJobOptions(command).option('--move', 'remove each source once its copy is verified');
}

function withManifest(command: Command): Command {
  return command
    .option('--manifest <file>', 'keys from a file, also gzipped; - is stdin')
    .option('--bucket <name>', 'of manifest lines that are a key alone')
    .option('--columns <names>', 'of an inventory, as its manifest.json names them: Bucket,Key,Size,ETag');
}

function withJobOptions(command: Command): Command {
  return command
    .option('--wait', 'wait for its end, and fail where an object failed')
    .option('--dry-run', 'count what there is to do, and do nothing')
    .option('--priority <priority>', 'low, normal or high')
    .option('--bandwidth <size>', 'of the UFS, per second: 50MiB')
    .option('--ufs-requests <count>', 'to the UFS, per second')
    .option('--concurrency <count>', 'objects at a time (default 64)')
    .option('--retries <count>', 'of one object (default 5)')
    .option('--schedule <cron>', 'five fields, in UTC: run it then, and not now')
    .option('--cancel-on-interrupt', 'with --wait: Ctrl-C ends the job; otherwise it goes on');
}

async function makeJob(context: AdminContext, kind: JobView['kind']): Promise<void> {
  const { client, options, print } = context;
  const { wait, dryRun, cancelOnInterrupt } = options as JobOptions;
  const body = { kind, ...(await keysOf(context)), ...limitsOf(options as JobOptions) };
  const job = await client.ask<JobView>('POST', '/api/v1/jobs', body);
  if (job.state === 'scheduled' || !(wait || dryRun)) {
    print(job, () => [job.id]);
    return;
  }
  await waitForJob(job, { client, print, cancelOnInterrupt: cancelOnInterrupt === true });
}

async function keysOf({ client, arguments: [keys, target], options }: AdminContext) {
  const { manifest, bucket, columns } = options as JobOptions;
  if ((keys === undefined) === (manifest === undefined)) {
    throw usageError('name the keys (s3://bucket/prefix) or a --manifest');
  }
  if (target !== undefined) parseKeyPattern(target);
  if (keys !== undefined)
    return { keys: parseKeyPattern(keys).text, ...(target !== undefined && { target }) };
  const query = new URLSearchParams({ ...(bucket && { bucket }), ...(columns && { columns }) });
  const sent = await client.send<{ id: string }>(`/api/v1/manifests?${query}`, contentOf(manifest!));
  return { manifest: sent.id };
}

/** @throws CommandError where the file cannot be read */
async function* contentOf(file: string): AsyncGenerator<Uint8Array, void> {
  const input: Readable = file === '-' ? process.stdin : createReadStream(file);
  const gunzip = file.endsWith('.gz') ? createGunzip() : undefined;
  if (gunzip) input.on('error', (error) => gunzip.destroy(error)).pipe(gunzip);
  try {
    yield* gunzip ?? input;
  } catch (error) {
    throw new CommandError(`the manifest ${file} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function limitsOf(options: JobOptions): Record<string, unknown> {
  const { priority, bandwidth, metadataOnly, dryRun, schedule } = options;
  const bytesPerSecondMax = bandwidth === undefined ? undefined : parseSizeBytes(bandwidth);
  if (bandwidth !== undefined && !bytesPerSecondMax) {
    throw usageError(`--bandwidth is a size such as 50MiB, not "${bandwidth}"`);
  }
  const limits = {
    ...{ priority, bytesPerSecondMax, metadataOnly, dryRun, schedule },
    ufsRequestsPerSecondMax: countOf('--ufs-requests', options.ufsRequests),
    concurrencyMax: countOf('--concurrency', options.concurrency),
    retriesMax: countOf('--retries', options.retries),
    replicas: countOf('--replicas', options.replicas),
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

function countOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw usageError(`${flag} is a whole number, not "${text}"`);
  return Number(text);
}
