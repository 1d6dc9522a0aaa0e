/** A directory of its own for a test of the file driver, and what lies in it. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Ufs } from '../ufs.ts';
import { openFileUfs } from './open.ts';

export async function opened(): Promise<{ ufs: Ufs; directory: string; outside: string }> {
  const base = await mkdtemp(join(tmpdir(), 'forebay-file-'));
  const [directory, outside] = [join(base, 'mounted'), join(base, 'outside')];
  await mkdir(directory);
  await mkdir(outside);
  const ufs = await openFileUfs({ directory });
  onTestFinished(async () => {
    await ufs.close();
    await rm(base, { recursive: true });
  });
  return { ufs, directory, outside };
}

export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

export async function keysOf(ufs: Ufs, delimiter?: string): Promise<string[]> {
  const { entries, commonPrefixes } = await ufs.list({ prefix: '', delimiter, maxKeys: 1000 });
  return [...entries.map(({ key }) => key), ...commonPrefixes];
}
