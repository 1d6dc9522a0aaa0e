/** Small files and directories of the hidden area, on disk for good before the promise resolves. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from './fs-errors.ts';

export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a directory whose parent exists. @throws ENOENT where it does not */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return;
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Makes a directory and those above it, down from `top`, whose parent must exist. */
export async function makeDirectories(top: string, path: string): Promise<void> {
  if (path !== top) await makeDirectories(top, dirname(path));
  await makeDirectory(path);
}

/** The file's name is durable once its directory is synced too. */
export async function writeFileDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Readers see the old content or the new, also after a crash. @param draft a free path of the same file
 * system
 */
export async function replaceFile(path: string, draft: string, text: string): Promise<void> {
  try {
    await writeFileDurably(draft, text);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}
