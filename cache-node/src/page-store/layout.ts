/**
 * Where a page lives on disk: `pages/<first 2 hex of set>/<set>-<index>-<length>-<crc32c>`. The name says
 * all that the index needs, so a start reads directory listings and no file. Names are hashes: any key fits
 * any file system.
 */
import { join } from 'node:path';
import type { PageId } from '@forebay/core/page';

export interface StoredPage extends PageId {
  readonly lengthBytes: number;
  /** CRC32C of the page's bytes. */
  readonly checksum: number;
}

export const temporarySuffix = '.tmp';

export function isFolderName(name: string): boolean {
  return /^[0-9a-f]{2}$/.test(name);
}

export function pagePath(directory: string, page: StoredPage): string {
  const checksum = page.checksum.toString(16).padStart(8, '0');
  return join(directory, page.set.slice(0, 2), `${page.set}-${page.index}-${page.lengthBytes}-${checksum}`);
}

/** The page a file name says; undefined for anything else. */
export function parsePageName(name: string): StoredPage | undefined {
  const match = /^([0-9a-f]{32})-(\d{1,10})-(\d{1,9})-([0-9a-f]{8})$/.exec(name);
  if (!match) return undefined;
  return {
    set: match[1]!,
    index: Number(match[2]),
    lengthBytes: Number(match[3]),
    checksum: Number.parseInt(match[4]!, 16),
  };
}

const blockBytes = 4096;

/** What a file of this length takes on disk: whole file system blocks. */
export function diskBytesOf(lengthBytes: number): number {
  return Math.ceil(lengthBytes / blockBytes) * blockBytes;
}
