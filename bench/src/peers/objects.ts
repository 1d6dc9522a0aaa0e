/** The sizes that are compared, and which requests read them: warm ones again and again, cold ones once. */
import { linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { KiB, MiB } from '@forebay/core/bytes';
import type { LoadRead } from '../load-client.ts';
import { readOf } from '../objects.ts';
import { bucket, type UfsServer } from '../servers.ts';

export interface PeerSize {
  /** As --sizes names it. */
  readonly name: string;
  readonly label: string;
  readonly objectBytes: number;
  /** Objects that are read warm. */
  readonly count: number;
  /** Ranges of this size, in place of whole objects. */
  readonly rangeBytes?: number;
  readonly connections: number;
  /** Requests of one cold sample. */
  readonly coldRequests: number;
  readonly checkEvery: number;
}

const largeBytes = 64 * MiB;
export const peerSizes: readonly PeerSize[] = [
  {
    name: '4KiB',
    label: '4 KiB object',
    objectBytes: 4 * KiB,
    count: 64,
    connections: 16,
    coldRequests: 64,
    checkEvery: 64,
  },
  {
    name: '128KiB',
    label: '128 KiB object',
    objectBytes: 128 * KiB,
    count: 64,
    connections: 16,
    coldRequests: 32,
    checkEvery: 64,
  },
  {
    name: '1MiB',
    label: '1 MiB range',
    objectBytes: largeBytes,
    count: 1,
    rangeBytes: MiB,
    connections: 8,
    coldRequests: 16,
    checkEvery: 64,
  },
  {
    name: '64MiB',
    label: '64 MiB object',
    objectBytes: largeBytes,
    count: 2,
    connections: 2,
    coldRequests: 2,
    checkEvery: 16,
  },
];

/** Every object, or every range of every object. */
export function warmReads(size: PeerSize): LoadRead[] {
  return Array.from({ length: size.count }, (_, object) => readsOfObject(size, object)).flat();
}

function readsOfObject({ objectBytes, rangeBytes }: PeerSize, object: number): LoadRead[] {
  if (rangeBytes === undefined) return [readOf(bucket, objectBytes, object)];
  return Array.from({ length: objectBytes / rangeBytes }, (_, index) => {
    const start = index * rangeBytes;
    return readOf(bucket, objectBytes, object, { start, endExclusive: start + rangeBytes });
  });
}

/** A prime: ranges of a cold object come in no order, as those of column scans do. */
const stride = 37;

/** Of objects that nobody has read: round `round` has its own. */
export function coldReads(size: PeerSize, round: number): LoadRead[] {
  return Array.from({ length: size.coldRequests }, (_, index) => {
    const path = (copy: number) => `/${bucket}/${coldKey(size, round, copy)}`;
    const reads = readsOfObject(size, 0);
    if (size.rangeBytes === undefined) return { ...reads[0]!, path: path(index) };
    return { ...reads[(index * stride) % reads.length]!, path: path(0) };
  });
}

const coldKey = ({ name }: PeerSize, round: number, copy: number) => `cold/${name}/${round}/${copy}`;

/** The cold objects as further names of the files that hold the first warm ones: they take no room. */
export function linkColdObjects({ files }: UfsServer, size: PeerSize, rounds: number): void {
  const copies = size.rangeBytes === undefined ? size.coldRequests : 1;
  for (let round = 0; round < rounds; round += 1) {
    mkdirSync(join(files, 'cold', size.name, String(round)), { recursive: true });
    for (let copy = 0; copy < copies; copy += 1) {
      const target = join(files, coldKey(size, round, copy));
      linkSync(join(files, String(size.objectBytes), '0'), target);
    }
  }
}
