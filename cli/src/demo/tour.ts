/** The demo from the first directory to the last: what it starts it stops, whatever happens in between. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { formatDuration } from '@forebay/core/bytes';
import { Distance } from './distance.ts';
import { readPass } from './read-pass.ts';
import { distanceText, type Pass, type Step, sumOf, type TourResult } from './report.ts';
import { SigningS3Client } from './s3-client.ts';
import { makeSampleData, type Workload } from './sample-data.ts';
import type { Screen } from './screen.ts';
import { startServe } from './serve-child.ts';

const roundTripMs = 40;
const bytesPerSecond = 40_000_000;
const sampleBucket = 'sample';
const mountedBucket = 'far';

interface TourOptions {
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** @throws what the signal was aborted with, or Error where a part fails or a byte is wrong. */
export async function runTour({ screen, signal }: TourOptions): Promise<TourResult> {
  await using stack = new AsyncDisposableStack();
  const directory = tempDirectory(stack);
  screen.line(screen.style.strong('Forebay demo: a far bucket, read twice through a cache.'));
  screen.line('Everything runs on this machine; no account and no network is needed.');
  screen.line();
  const workloads = makeSampleData(join(directory, 'bucket'));
  const { distance, client } = await startParts(stack, directory, { screen, signal });
  const passes: Passes = { client, distance, screen, signal };
  const cold = await passOver(workloads, 'cold', passes);
  const warm = await passOver(workloads, 'warm', passes);
  const steps = workloads.map((workload, index): Step => {
    const bytes = workload.reads.reduce((sum, read) => sum + read.sizeBytes, 0);
    const { name, title } = workload;
    return { name, title, reads: workload.reads.length, bytes, cold: cold[index]!, warm: warm[index]! };
  });
  return { distance: { roundTripMs, bytesPerSecond }, steps, total: sumOf(steps), verified: true };
}

function tempDirectory(stack: AsyncDisposableStack): string {
  const directory = mkdtempSync(join(tmpdir(), 'forebay-demo-'));
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  process.once('exit', remove);
  stack.defer(() => {
    process.off('exit', remove);
    remove();
  });
  return directory;
}

/** Sample bucket, distance, Forebay and a client of it, each told on screen. */
async function startParts(stack: AsyncDisposableStack, directory: string, { screen, signal }: TourOptions) {
  const keys = () => ({
    accessKey: `DEMO${randomBytes(8).toString('hex').toUpperCase()}`,
    secretKey: randomBytes(24).toString('hex'),
  });
  const sampleKeys = keys();
  const bucketUri = `file://${join(directory, 'bucket').split('/').map(encodeURIComponent).join('/')}`;
  const sample = await startServe({
    name: 'the sample bucket',
    directory: makeDirectory(directory, 'sample'),
    ...sampleKeys,
    // Objects above the limit are never cached, and every object is above 0 bytes.
    mounts: [`/${sampleBucket}=${bucketUri}?maxObjectSize=0`],
    signal,
  });
  stack.defer(() => sample.stop());
  say(screen, 'sample bucket', `a second Forebay on a directory, its cache off (${sample.endpoint})`);
  const distance = await Distance.open({ targetPort: sample.port, roundTripMs, bytesPerSecond });
  stack.defer(() => distance.close());
  say(screen, 'distance', distanceText({ roundTripMs, bytesPerSecond }));
  const forebayKeys = keys();
  const uri = `s3://${sampleBucket}?endpoint=http://127.0.0.1:${distance.port}&credentials=env:SAMPLE`;
  const forebay = await startServe({
    name: 'Forebay',
    directory: makeDirectory(directory, 'forebay'),
    ...forebayKeys,
    mounts: [`/${mountedBucket}=${uri}`],
    env: {
      SAMPLE_ACCESS_KEY_ID: sampleKeys.accessKey,
      SAMPLE_SECRET_ACCESS_KEY: sampleKeys.secretKey,
    },
    signal,
  });
  stack.defer(() => forebay.stop());
  say(screen, 'Forebay', `mounts the bucket as /${mountedBucket}, with an empty cache (${forebay.endpoint})`);
  screen.line();
  const client = new SigningS3Client({ endpoint: forebay.endpoint, ...forebayKeys }, { connectionsMax: 8 });
  stack.defer(() => client.close());
  return { distance, client };
}

function makeDirectory(parent: string, name: string): string {
  const directory = join(parent, name);
  mkdirSync(directory);
  return directory;
}

function say(screen: Screen, what: string, text: string): void {
  screen.line(`  ${what.padEnd(14)} ${text}`);
}

interface Passes extends TourOptions {
  readonly client: SigningS3Client;
  readonly distance: Distance;
}

async function passOver(
  workloads: readonly Workload[],
  temperature: string,
  passes: Passes,
): Promise<Pass[]> {
  const results: Pass[] = [];
  for (const workload of workloads) results.push(await onePass(workload, temperature, passes));
  return results;
}

async function onePass(workload: Workload, temperature: string, passes: Passes): Promise<Pass> {
  const { client, distance, screen, signal } = passes;
  const label = `${temperature}  ${workload.title}`;
  const totalBytes = workload.reads.reduce((sum, read) => sum + read.sizeBytes, 0);
  const before = distance.crossed();
  const { durationMs, xCache } = await readPass(workload, {
    client,
    bucket: mountedBucket,
    signal,
    onBytes: (doneBytes) => screen.progress(label, doneBytes, totalBytes),
  });
  await quiet(distance, signal);
  const after = distance.crossed();
  const ufsRequests = after.requests - before.requests;
  screen.line(`  ${label.padEnd(42)} ${formatDuration(durationMs)}`);
  return { durationMs, ufsRequests, ufsBytes: after.bytes - before.bytes, xCache };
}

/** Fills may run on a little after their reader: what they fetch belongs to the pass that caused it. */
async function quiet(distance: Distance, signal: AbortSignal): Promise<void> {
  let seen = -1;
  while (seen !== distance.crossed().bytes) {
    seen = distance.crossed().bytes;
    await wait(2 * roundTripMs, undefined, { signal });
  }
}
