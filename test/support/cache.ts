/**
 * Where test tools are kept between runs: FOREBAY_TEST_CACHE, or `.cache` in the repository (ignored by git).
 * Each tool has a directory of its own, named with its version, and counts once it holds the mark
 * `.complete`.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const repository = resolve(import.meta.dirname, '../..');

export function cacheDir(): string {
  return resolve(process.env.FOREBAY_TEST_CACHE ?? join(repository, '.cache'));
}

/**
 * The tool's directory, filled by `install` if no run before has done so. Processes that ask together wait
 * for the one that installs; a process that died while installing is noticed by its id, and the work starts
 * anew.
 */
export async function installOnce(
  name: string,
  install: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = join(cacheDir(), name);
  const mark = join(directory, '.complete');
  if (existsSync(mark)) return directory;
  mkdirSync(cacheDir(), { recursive: true });
  const lock = `${directory}.lock`;
  while (!takeLock(lock)) await wait(100);
  try {
    if (existsSync(mark)) return directory;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    await install(directory);
    writeFileSync(mark, '');
    return directory;
  } finally {
    rmSync(lock, { force: true });
  }
}

function takeLock(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const holder = readHolder(path);
  if (holder !== undefined && !isAlive(holder)) rmSync(path, { force: true });
  return false;
}

/** Undefined while the holder is still writing its id, and where it has just let go. */
function readHolder(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
