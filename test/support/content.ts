/**
 * Bodies whose every 16 bytes say whose they are and where: a foreign or misplaced byte shows, and is
 * named.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

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

/** Files of stored pages below a data directory; `temporary`: files of pages that are being written. */
export function pageFilesIn(dataDir: string): { pages: string[]; temporary: string[] } {
  const directory = join(dataDir, 'cache/pages');
  const all = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return {
    pages: all.filter((path) => !path.endsWith('.tmp')),
    temporary: all.filter((path) => path.endsWith('.tmp')),
  };
}

/** How many stored pages hold bytes of the body with this seed. */
export function pageCountOf(dataDir: string, seed: number): number {
  return pageFilesIn(dataDir).pages.filter((path) => originOf(readFileSync(path)).seed === seed).length;
}
