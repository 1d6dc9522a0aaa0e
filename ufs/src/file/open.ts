/** The `file://` driver: a directory as a bucket. layout.ts says what lies where in it. */
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Clock, systemClock } from '@forebay/core/clock';
import { ufsIdentityOf } from '@forebay/core/mount';
import { LocalUfs } from '../local/local-ufs.ts';
import type { Ufs } from '../ufs.ts';
import { FileBackend } from './file-backend.ts';
import { fileLocks } from './file-locks.ts';

export interface FileUfsOptions {
  /** Need not exist yet: until it does, requests are answered with NoSuchBucket. */
  readonly directory: string;
  readonly region?: string | undefined;
  readonly clock?: Clock | undefined;
  /** 5 MiB without it. */
  readonly partSizeBytesMin?: number | undefined;
}

const stagedAgeMsMax = 24 * 3600e3;

/**
 * Nothing is written before the first write request, but for what a crash left behind, which is removed
 * here: bytes in tmp/ after a day. Abandoned uploads are the mount's affair (abandoned-uploads.ts).
 */
export async function openFileUfs(options: FileUfsOptions): Promise<Ufs> {
  const clock = options.clock ?? systemClock;
  const directory = resolve(options.directory);
  const backend = new FileBackend(directory);
  const nowMs = clock.wallMs();
  // Housekeeping cannot be done in a directory that may only be read, and need not be.
  await backend.sweep(nowMs - stagedAgeMsMax).catch(() => undefined);
  return new LocalUfs({
    identity: ufsIdentityOf({ scheme: 'file', directory: options.directory, prefix: '' }),
    region: options.region ?? 'us-east-1',
    backend,
    locks: fileLocks,
    lockScope: await realpath(directory).catch(() => directory),
    clock,
    partSizeBytesMin: options.partSizeBytesMin,
  });
}
