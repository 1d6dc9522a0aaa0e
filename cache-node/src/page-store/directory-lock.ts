/**
 * Who a page directory is, and who uses it. The identity lies in the directory, so it may be moved or
 * mounted elsewhere. The lock is SQLite's on an otherwise empty file: the system drops it with the process,
 * however that ends.
 */
import { randomBytes } from 'node:crypto';
import { access, constants, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import type { DirectoryLayout } from './directory-layout.ts';

/** The directory belongs to another process, or is given twice. */
export class DirectoryInUseError extends Error {
  constructor(path: string) {
    super(`the page directory ${path} is in use by another process, or given twice`);
    this.name = 'DirectoryInUseError';
  }
}

/** Returns what releases it. @throws DirectoryInUseError; what the system says where there can be no lock. */
export function lockDirectory(layout: DirectoryLayout): () => void {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(layout.lock);
    // Nothing is ever written to it, so there is nothing to roll back and no journal to leave behind.
    lock.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    if (/locked|busy/i.test((error as Error).message)) throw new DirectoryInUseError(layout.root);
    throw error;
  }
  return () => lock.close();
}

/** Undefined where it has none, or one that is damaged. @throws what else the system says. */
export async function readIdentity(layout: DirectoryLayout): Promise<string | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(layout.identity, 'utf8'));
    const { id } = (value ?? {}) as { id?: unknown };
    return typeof id === 'string' && /^[0-9a-f]{32}$/.test(id) ? id : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function makeIdentity(layout: DirectoryLayout): Promise<string> {
  const id = randomBytes(16).toString('hex');
  const asidePath = `${layout.identity}.tmp`;
  await writeFile(asidePath, `${JSON.stringify({ format: 1, id })}\n`, { mode: 0o600 });
  await rename(asidePath, layout.identity);
  return id;
}

/** @throws where what is written cannot be read again. */
export async function tryWriting({ probe }: DirectoryLayout): Promise<void> {
  const bytes = Buffer.alloc(4096, 0x5a);
  await unlink(probe).catch(() => {});
  await writeFile(probe, bytes, { mode: 0o600 });
  const back = await readFile(probe);
  await unlink(probe);
  if (!back.equals(bytes)) throw new Error('what was written is not what is read');
}

export function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}
