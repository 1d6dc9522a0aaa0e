/**
 * The sample bucket's objects, made of random bytes, and what is read of them, with the digests to expect.
 */
import { randomFillSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KiB, MiB } from '@forebay/core/bytes';
import { sha256Hex } from '@forebay/core/sigv4';

export interface Read {
  readonly key: string;
  /** Undefined: the whole object. */
  readonly range: { readonly start: number; readonly endExclusive: number } | undefined;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface Workload {
  readonly name: 'model' | 'table' | 'small';
  /** `64 MiB model, whole` */
  readonly title: string;
  readonly concurrency: number;
  readonly reads: readonly Read[];
}

const smallCount = 200;
const columnChunks = 8;

/** Writes the objects as plain files below the directory. */
export function makeSampleData(directory: string): Workload[] {
  const model = makeFile(directory, 'models/weights.bin', 64 * MiB);
  const table = makeFile(directory, 'tables/trips.parquet', 16 * MiB);
  const small = Array.from({ length: smallCount }, (_, index) =>
    makeFile(directory, `images/${String(index).padStart(4, '0')}.jpg`, 16 * KiB),
  );
  return [
    { name: 'model', title: '64 MiB model, whole', concurrency: 1, reads: [readOf(model)] },
    {
      name: 'table',
      title: `16 MiB table, footer and ${columnChunks} chunks`,
      concurrency: 1,
      reads: tableRanges(table.bytes.length).map((range) => readOf(table, range)),
    },
    {
      name: 'small',
      title: `${smallCount} objects of 16 KiB, 8 at a time`,
      concurrency: 8,
      reads: small.map((file) => readOf(file)),
    },
  ];
}

/** As a query engine reads: the footer says where the column chunks are, then each chunk is fetched. */
function tableRanges(sizeBytes: number) {
  const footer = { start: sizeBytes - 64 * KiB, endExclusive: sizeBytes };
  const step = sizeBytes / columnChunks;
  const chunks = Array.from({ length: columnChunks }, (_, index) => {
    const start = index * step + 300_000;
    return { start, endExclusive: start + 256 * KiB };
  });
  return [footer, ...chunks];
}

interface SampleFile {
  readonly key: string;
  readonly bytes: Buffer;
}

function makeFile(directory: string, key: string, sizeBytes: number): SampleFile {
  const bytes = randomFillSync(Buffer.allocUnsafe(sizeBytes));
  const path = join(directory, key);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return { key, bytes };
}

function readOf({ key, bytes }: SampleFile, range?: NonNullable<Read['range']>): Read {
  const read = range ? bytes.subarray(range.start, range.endExclusive) : bytes;
  return { key, range, sizeBytes: read.length, sha256: sha256Hex(read) };
}
