/** From the file system's errors to the Ufs contract's. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { ForebayError } from '@forebay/core/errors';
import { accessDenied, noSuchBucket } from '../local/answers.ts';

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** The path leads to nothing that could be an object: what a lookup answers with "not there". */
export function isAbsent(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENAMETOOLONG', 'EINVAL', 'ENXIO');
}

/** Resolves to undefined where the path leads to nothing. */
export async function absentAsUndefined<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** An error of a body that someone else produces: it passes through untouched, whatever its code. */
export class BodyFailure extends Error {
  constructor(cause: unknown) {
    super('the body failed', { cause });
  }
}

/** Runs a piece of file work; its errors come out as the contract's. @param directory the mounted one */
export async function answering<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BodyFailure) throw error.cause;
    if (hasCode(error, 'ENOENT')) await checkDirectory(directory);
    throw toUfsError(error);
  }
}

/** @throws UfsAnswerError NoSuchBucket, AccessDenied */
export async function checkDirectory(directory: string): Promise<void> {
  try {
    const found = await stat(directory);
    if (found.isDirectory()) return;
  } catch (error) {
    if (!isAbsent(error)) throw toUfsError(error);
  }
  throw noSuchBucket(basename(directory));
}

export function toUfsError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ForebayError) return error;
  if (hasCode(error, 'EACCES', 'EPERM')) return accessDenied();
  if ('syscall' in error || hasCode(error, 'ERR_SQLITE_ERROR')) {
    return new ForebayError('ufs-unavailable', error.message, { cause: error });
  }
  return error;
}
