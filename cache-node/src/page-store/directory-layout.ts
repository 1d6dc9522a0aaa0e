/**
 * Where things lie in a page directory:
 *
 *     identity.json                     who it is, wherever it is mounted
 *     lock                              held by the process that uses it
 *     pages/<folder>/<set>-<index>-<length>   one file per page over 128 KiB (page-stamp.ts), 256 to a folder
 *     packs/<number>.pack               records of smaller pages (page-stamp.ts)
 *     journal/<number>.rows, .snapshot  which pages there are (journal-format.ts)
 *     catalogue/<number>.sets           what objects they belong to (catalogue.ts)
 *
 * Folder and number are 8 hex digits, set is 32, index and length are decimal. Names are hashes: any key fits
 * any file system.
 */
import { join } from 'node:path';
import type { PageId } from '@forebay/core/page';

/** Pages up to this length are records of a pack; larger ones are files of their own. */
export const packedBytesMax = 128 * 1024;
/** A page file has one checksum for each so many bytes. */
export const checkedBytes = 64 * 1024;
/** Few enough that a folder is listed at once, and small on disk. */
export const folderFilesMax = 256;
/** What the folder itself takes when it is full. */
export const folderBytes = 20 * 1024;

const blockBytes = 4096;

/** What a file of this length takes on disk: whole file system blocks. */
export function diskBytesOf(lengthBytes: number): number {
  return Math.ceil(lengthBytes / blockBytes) * blockBytes;
}

/** Paths below the directory `root`. */
export class DirectoryLayout {
  readonly root: string;
  readonly identity: string;
  readonly lock: string;
  readonly probe: string;
  readonly pages: string;
  readonly packs: string;
  readonly journal: string;
  readonly catalogue: string;

  constructor(root: string) {
    this.root = root;
    this.identity = join(root, 'identity.json');
    this.lock = join(root, 'lock');
    this.probe = join(root, 'probe');
    this.pages = join(root, 'pages');
    this.packs = join(root, 'packs');
    this.journal = join(root, 'journal');
    this.catalogue = join(root, 'catalogue');
  }

  folder(folder: number): string {
    return join(this.pages, hex8(folder));
  }

  pageFile(folder: number, page: PageId, lengthBytes: number): string {
    return join(this.pages, hex8(folder), `${page.set}-${page.index}-${lengthBytes}`);
  }

  pack(number: number): string {
    return join(this.packs, `${hex8(number)}.pack`);
  }

  rows(number: number): string {
    return join(this.journal, `${hex8(number)}.rows`);
  }

  snapshot(number: number): string {
    return join(this.journal, `${hex8(number)}.snapshot`);
  }

  sets(number: number): string {
    return join(this.catalogue, `${hex8(number)}.sets`);
  }
}

function hex8(number: number): string {
  return number.toString(16).padStart(8, '0');
}

/** The number of `0000002a.pack` with ending `.pack`, or of a folder with ending ``. */
export function numberOf(name: string, ending: string): number | undefined {
  if (!name.endsWith(ending)) return undefined;
  const digits = name.slice(0, name.length - ending.length);
  return /^[0-9a-f]{8}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

/** The page that the name of a page file says. */
export function pageOfName(name: string): { page: PageId; lengthBytes: number } | undefined {
  const match = /^([0-9a-f]{32})-(\d{1,10})-(\d{1,9})$/.exec(name);
  if (!match) return undefined;
  return { page: { set: match[1]!, index: Number(match[2]) }, lengthBytes: Number(match[3]) };
}
