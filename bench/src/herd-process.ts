/** The other side of herd.ts: opens all readers at once and says how each ended. */
import { SigningS3Client } from 'forebay/demo/s3-client';
import type { HerdJob, HerdReader, HerdResult } from './herd.ts';
import { type RawRead, RawReader } from './raw-reader.ts';

process.on('message', (job: HerdJob) => {
  void run(job).then((result) => process.send?.(result));
});

async function run(job: HerdJob): Promise<HerdResult> {
  const client = new SigningS3Client(job.target, { connectionsMax: 1 });
  const startedMs = performance.now();
  const readers = job.readers.map((reader) => new RawReader(readOf(client, job, reader)));
  const timer =
    job.leaveAfterMs === undefined
      ? undefined
      : setTimeout(() => {
          for (const reader of readers) reader.leave();
        }, job.leaveAfterMs);
  const outcomes = await Promise.all(readers.map(({ ended }) => ended));
  clearTimeout(timer);
  client.close();
  return { outcomes, elapsedMs: performance.now() - startedMs };
}

function readOf(client: SigningS3Client, job: HerdJob, reader: HerdReader): RawRead {
  const { path, object, objectBytes, start } = reader;
  const range = { start, endExclusive: objectBytes };
  const signed = client.signed({ method: 'GET', path, ...(start > 0 && { range }) });
  const headers = Object.entries(signed.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return {
    head: `GET ${signed.path} HTTP/1.1\r\n${headers.join('')}\r\n`,
    port: Number(new URL(job.target.endpoint).port),
    object,
    start,
    sizeBytes: objectBytes - start,
    bytesPerSecond: job.bytesPerSecond,
  };
}
