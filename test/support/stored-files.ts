/** What a running or dead Forebay has on its disk, whatever its files look like, and ways to spoil it. */
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Random } from './random.ts';

/** Where pages lie below a data directory. */
export const pagesBelow = 'cache/pages';

/** Files below a directory, in a stable order; what vanishes meanwhile is left out. */
export function filesBelow(directory: string): string[] {
  const found: string[] = [];
  for (const entry of orNone(() => readdirSync(directory, { withFileTypes: true }))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...filesBelow(path));
    else if (entry.isFile()) found.push(path);
  }
  return found.sort();
}

/** What the files below a directory take on the disk, in whole blocks. */
export function diskUseOf(directory: string): number {
  return filesBelow(directory).reduce((sum, path) => sum + (statOf(path)?.blocks ?? 0) * 512, 0);
}

/** Zero for a file that is no longer there. */
export function sizeOf(path: string): number {
  return statOf(path)?.size ?? 0;
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function orNone<T>(list: () => T[]): T[] {
  try {
    return list();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** Flips one bit of a file in place. @returns false for a file that is empty or gone */
export function flipBit(path: string, random: Random): boolean {
  return inPlace(path, (file, sizeBytes) => {
    const at = random.int(sizeBytes);
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, at);
    byte[0]! ^= 1 << random.int(8);
    writeSync(file, byte, 0, 1, at);
  });
}

/** Puts zeros in place of a block, as a disk does that lost a write. */
export function zeroBlock(path: string, random: Random): boolean {
  return inPlace(path, (file, sizeBytes) => {
    const at = random.int(Math.ceil(sizeBytes / 4096)) * 4096;
    writeSync(file, Buffer.alloc(Math.min(4096, sizeBytes - at)), 0, undefined, at);
  });
}

/** Cuts a file anywhere, also at its beginning. */
export function cutShort(path: string, random: Random): boolean {
  return inPlace(path, (file, sizeBytes) => ftruncateSync(file, random.int(sizeBytes)));
}

/** Puts the content of one file in the place of another. */
export function replaceBy(path: string, other: string): boolean {
  if (sizeOf(path) === 0 || sizeOf(other) === 0) return false;
  copyFileSync(other, path);
  return true;
}

function remove(path: string): boolean {
  rmSync(path, { force: true });
  return true;
}

function inPlace(path: string, change: (file: number, sizeBytes: number) => void): boolean {
  if (sizeOf(path) === 0) return false;
  const file = openSync(path, 'r+');
  try {
    change(file, statSync(path).size);
    return true;
  } finally {
    closeSync(file);
  }
}

/** One wound of any kind. @returns what was done, for people; undefined where there was nothing to spoil */
export function wound(path: string, others: readonly string[], random: Random): string | undefined {
  const other = random.pick(others);
  const ways: readonly (readonly [string, () => boolean])[] = [
    ['flipped a bit of', () => flipBit(path, random)],
    ['flipped a bit of', () => flipBit(path, random)],
    ['zeroed a block of', () => zeroBlock(path, random)],
    ['cut', () => cutShort(path, random)],
    ['removed', () => remove(path)],
    [`put ${other} in the place of`, () => other !== path && replaceBy(path, other)],
  ];
  const [what, act] = random.pick(ways);
  return act() ? `${what} ${path}` : undefined;
}
