/** What a page directory is opened with. */
import { statfs } from 'node:fs/promises';
import type { Log } from '@forebay/core/log';
import type { PageId } from '@forebay/core/page';
import type { SharedParts } from './directory-files.ts';
import type { DiskOp } from './directory-health.ts';

export interface DirectoryEvents {
  onEvict(pages: number): void;
  onCorrupt(page: PageId): void;
  onError(op: DiskOp): void;
  /** A scan has found pages, which follow no policy yet. */
  onFound(): void;
}

export interface DirectoryOptions extends DirectoryEvents {
  /** In the page table. */
  readonly number: number;
  readonly path: string;
  readonly sizeBytesMax: number;
  readonly shared: SharedParts;
  readonly log: Log;
  readonly nowMs: () => number;
  /** Shares of the budget. */
  readonly highWatermark: number;
  readonly lowWatermark: number;
  /** Bytes free on the disk of a directory. */
  readonly freeBytesOf?: ((path: string) => Promise<number>) | undefined;
  readonly probeDelayMs?: number | undefined;
}

export async function freeBytesOnDisk(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
