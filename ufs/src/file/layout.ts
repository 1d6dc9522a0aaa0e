/**
 * Where things lie in a mounted directory. Key `a/b.txt` is DIR/a/b.txt; everything else is in DIR/.forebay:
 *   tmp/                                  bytes on their way to become objects or parts
 *   meta/HH/HASH-INODE-MTIME.json         the record of one object version (sidecars.ts)
 *   odd.db, odd/HH/SHA256                 keys that a directory cannot hold (odd-index.ts)
 *   configuration/NAME.xml                documents of the bucket as a whole (configuration-files.ts)
 *   uploads/ID/                           multipart uploads (upload-files.ts)
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';

export const hiddenName = '.forebay';
const segmentBytesMax = 255;
const pathBytesMax = 4095;

export class Layout {
  readonly directory: string;
  readonly hidden: string;
  readonly tmp: string;
  readonly meta: string;
  readonly odd: string;
  readonly oddIndex: string;
  readonly uploads: string;
  readonly configuration: string;

  constructor(directory: string) {
    this.directory = directory;
    this.hidden = join(directory, hiddenName);
    this.tmp = join(this.hidden, 'tmp');
    this.meta = join(this.hidden, 'meta');
    this.odd = join(this.hidden, 'odd');
    this.oddIndex = join(this.hidden, 'odd.db');
    this.uploads = join(this.hidden, 'uploads');
    this.configuration = join(this.hidden, 'configuration');
  }

  /** The path of a key below the directory, in segments; undefined for a key that a directory cannot hold. */
  segmentsOf(key: string): string[] | undefined {
    const segments = key.split('/');
    if (segments[0] === hiddenName || key.includes('\0') || !key.isWellFormed()) return undefined;
    if (!segments.every(isPlainSegment)) return undefined;
    const pathBytes = Buffer.byteLength(this.directory) + 1 + Buffer.byteLength(key);
    return pathBytes > pathBytesMax ? undefined : segments;
  }

  pathOf(segments: readonly string[]): string {
    return segments.length === 0 ? this.directory : `${this.directory}/${segments.join('/')}`;
  }

  /** Directory and name of an odd key's file. */
  oddPathOf(key: string): { directory: string; path: string } {
    const hash = keyHash(key);
    const directory = join(this.odd, hash.slice(0, 2));
    return { directory, path: join(directory, hash) };
  }
}

function isPlainSegment(segment: string): boolean {
  if (segment === '' || segment === '.' || segment === '..') return false;
  return Buffer.byteLength(segment) <= segmentBytesMax;
}

/** SHA-256 of the key's UTF-8 bytes in hex. */
export function keyHash(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}
