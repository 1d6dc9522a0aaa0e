/** The objects that benchmarks read: `SIZE/NUMBER` in the bucket, with the contents of forebay/bench/content. */

import { linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { contentOf } from 'forebay/bench/content';
import { SigningS3Client } from 'forebay/demo/s3-client';
import type { LoadRead } from './load-client.ts';
import { bucket, type Server, type UfsServer } from './servers.ts';

export interface ObjectSet {
  readonly sizeBytes: number;
  readonly count: number;
}

/** Writes them one after the other, directly to the UFS. */
export async function writeObjects(ufs: Server, { sizeBytes, count }: ObjectSet): Promise<void> {
  const client = new SigningS3Client(ufs, { connectionsMax: 1 });
  try {
    for (let object = 0; object < count; object += 1) {
      const body = contentOf(object, sizeBytes);
      await client.send({ method: 'PUT', path: `/${bucket}/${sizeBytes}/${object}`, body });
    }
  } finally {
    client.close();
  }
}

/** The same objects once more, under `PREFIX/`: names of the same files, that take no room. */
export function linkObjects({ files }: UfsServer, prefix: string, { sizeBytes, count }: ObjectSet): void {
  const directory = join(files, prefix, String(sizeBytes));
  mkdirSync(directory, { recursive: true });
  for (let object = 0; object < count; object += 1) {
    linkSync(join(files, String(sizeBytes), String(object)), join(directory, String(object)));
  }
}

/** One of them, seen through a mount (or the UFS's own bucket). */
export function readOf(
  mountName: string,
  sizeBytes: number,
  object: number,
  range?: LoadRead['range'],
): LoadRead {
  const path = `/${mountName}/${sizeBytes}/${object}`;
  return range
    ? { path, object, range, sizeBytes: range.endExclusive - range.start }
    : { path, object, sizeBytes };
}

/** Every object of a set, whole. */
export function readsOf(mountName: string, { sizeBytes, count }: ObjectSet): LoadRead[] {
  return Array.from({ length: count }, (_, object) => readOf(mountName, sizeBytes, object));
}
