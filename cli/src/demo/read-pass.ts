/** One pass over a workload: timed first, hashed after, because hashing would be most of a warm read. */
import { createHash } from 'node:crypto';
import type { SigningS3Client } from './s3-client.ts';
import type { Read, Workload } from './sample-data.ts';

export interface ReadPass {
  readonly durationMs: number;
  /** Reads by the x-cache header of their answer. */
  readonly xCache: Readonly<Record<string, number>>;
}

export interface PassOptions {
  readonly client: SigningS3Client;
  readonly bucket: string;
  readonly signal: AbortSignal;
  readonly onBytes: (doneBytes: number) => void;
}

/** @throws Error where a read fails or a body is not what the sample holds. */
export async function readPass(workload: Workload, options: PassOptions): Promise<ReadPass> {
  const xCache: Record<string, number> = {};
  const bodies = new Map<Read, Buffer[]>();
  const waiting = workload.reads.values();
  let doneBytes = 0;
  const readOne = async (read: Read) => {
    const pieces: Buffer[] = [];
    bodies.set(read, pieces);
    const reply = await options.client.send({
      method: 'GET',
      path: `/${options.bucket}/${read.key}`,
      ...(read.range && { range: read.range }),
      signal: options.signal,
      onBytes: (bytes) => {
        pieces.push(bytes);
        doneBytes += bytes.length;
        options.onBytes(doneBytes);
      },
    });
    const result = String(reply.headers['x-cache'] ?? 'none');
    xCache[result] = (xCache[result] ?? 0) + 1;
  };
  const startedMs = performance.now();
  const readers = Array.from({ length: workload.concurrency }, async () => {
    for (const read of waiting) await readOne(read);
  });
  await Promise.all(readers);
  const durationMs = performance.now() - startedMs;
  for (const [read, pieces] of bodies) verify(read, pieces);
  return { durationMs, xCache };
}

function verify(read: Read, pieces: readonly Buffer[]): void {
  const digest = createHash('sha256');
  for (const piece of pieces) digest.update(piece);
  if (digest.digest('hex') === read.sha256) return;
  throw new Error(`the bytes read of ${read.key} are not those of the sample bucket`);
}
