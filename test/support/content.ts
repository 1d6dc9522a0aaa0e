/**
 * Bodies whose every 16 bytes say whose they are and where: a foreign or misplaced byte shows, and is
 * named.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pageOfName } from '@forebay/cache-node/page-store/directory-layout';
import { recordsIn } from '@forebay/cache-node/page-store/directory-scan';
import { readTrailer, stampBytes } from '@forebay/cache-node/page-store/page-stamp';

export const mebibyte = 1024 * 1024;
const recordBytes = 16;

/** `seed` is a whole number that no other body of the test has. */
export function contentOf(seed: number, sizeBytes: number): Buffer {
  const body = Buffer.alloc(Math.ceil(sizeBytes / recordBytes) * recordBytes, `seed ${seed}.`);
  for (let offset = 0; offset < body.length; offset += recordBytes) {
    body.writeUInt32BE(seed, offset);
    body.writeUInt32BE(offset, offset + 4);
  }
  return body.subarray(0, sizeBytes);
}

/** The seed and offset that the first record of these bytes names. They must begin with a whole record. */
export function originOf(bytes: Buffer): { readonly seed: number; readonly offset: number } {
  return { seed: bytes.readUInt32BE(0), offset: bytes.readUInt32BE(4) };
}

/** Where a body first differs from what it should be, and what stands there; undefined where it does not. */
export function differenceOf(body: Buffer, expected: Buffer): string | undefined {
  if (body.equals(expected)) return undefined;
  const shared = Math.min(body.length, expected.length);
  let at = 0;
  while (at < shared && body[at] === expected[at]) at += 1;
  const record = Math.floor(at / recordBytes) * recordBytes;
  const found = body.subarray(record, record + recordBytes).toString('hex');
  return `${body.length} of ${expected.length} bytes, different from byte ${at}: ${found}`;
}

export interface StoredPage {
  readonly path: string;
  /** In the file. */
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Whole pages that lie below a data directory, those of packs and those in files of their own, each once. */
export function storedPagesIn(dataDir: string): StoredPage[] {
  const directory = join(dataDir, 'cache/pages');
  const found = new Map<string, StoredPage>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const named = pageOfName(entry.name);
    if (named) {
      const { page, lengthBytes } = named;
      const file = readFileSync(path);
      if (!readTrailer(file.subarray(lengthBytes), lengthBytes)) continue;
      found.set(`${page.set}-${page.index}`, { path, offset: 0, bytes: file.subarray(0, lengthBytes) });
    } else if (entry.name.endsWith('.pack')) {
      const pack = readFileSync(path);
      for (const { stamp, at } of recordsIn(pack, 0)) {
        const offset = at + stampBytes;
        const bytes = pack.subarray(offset, offset + stamp.lengthBytes);
        found.set(`${stamp.set}-${stamp.index}`, { path, offset, bytes });
      }
    }
  }
  return [...found.values()];
}

/** How many stored pages hold bytes of the body with this seed. */
export function pageCountOf(dataDir: string, seed: number): number {
  return storedPagesIn(dataDir).filter(({ bytes }) => originOf(bytes).seed === seed).length;
}
