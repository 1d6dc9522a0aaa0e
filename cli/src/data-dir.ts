/**
 * The data directory of one Forebay: owned by one process at a time, readable by nobody else. It holds the
 * root key pair, the registry's records and the key that seals their secrets, the cache, and what the default
 * mount serves.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { secretBoxKeyBytes } from '@forebay/core/secret-box';
import { CommandError } from './command-error.ts';

export interface DataDir {
  /** Absolute. */
  readonly path: string;
  readonly credentialsPath: string;
  readonly statePath: string;
  /** The key that the secret keys of users are sealed with. */
  readonly sealKeyPath: string;
  readonly cachePath: string;
  /** What `/local` serves where no mount is given. */
  readonly localPath: string;
}

export interface RootCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

export function dataDirAt(path: string): DataDir {
  const absolute = resolve(path);
  return {
    path: absolute,
    credentialsPath: join(absolute, 'root-credentials.json'),
    statePath: join(absolute, 'registry.sqlite'),
    sealKeyPath: join(absolute, 'seal.key'),
    cachePath: join(absolute, 'cache'),
    localPath: join(absolute, 'local'),
  };
}

/**
 * Makes the directory and takes its lock. The lock is SQLite's on an otherwise empty file: the system drops
 * it with the process, however that ends, so nothing stale is ever left.
 * @throws CommandError where the directory cannot be made or another process holds it.
 * @returns releases the lock.
 */
export function lockDataDir(dataDir: DataDir): () => void {
  try {
    mkdirSync(dataDir.path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CommandError(`cannot make the data directory ${dataDir.path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const holderPath = join(dataDir.path, 'lock.pid');
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(dataDir.path, 'lock'));
    // Nothing is ever written to it, so there is nothing to roll back and no journal to leave behind.
    lock.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    if (!/locked|busy/i.test(messageOf(error))) throw cannotUse(dataDir, error);
    const holder = readText(holderPath)?.trim();
    const who = holder ? `process ${holder}` : 'another process';
    throw new CommandError(
      `the data directory ${dataDir.path} is in use by ${who}; choose another with --data-dir`,
    );
  }
  writeFileSync(holderPath, `${process.pid}\n`);
  return () => lock.close();
}

function cannotUse(dataDir: DataDir, error: unknown): CommandError {
  return new CommandError(`cannot use the data directory ${dataDir.path}: ${messageOf(error)}`, {
    cause: error,
  });
}

/** The kept root key pair; undefined where there is none. @throws CommandError where the file is damaged. */
export function readRootCredentials(dataDir: DataDir): RootCredentials | undefined {
  const text = readText(dataDir.credentialsPath);
  if (text === undefined) return undefined;
  const { accessKey, secretKey } = parseObject(text);
  if (typeof accessKey === 'string' && typeof secretKey === 'string') return { accessKey, secretKey };
  throw new CommandError(
    `${dataDir.credentialsPath} is damaged: it must hold accessKey and secretKey; ` +
      'remove it to have a new pair made',
  );
}

/** Makes a pair and keeps it: on disk, all at once, before anyone is told. */
export function makeRootCredentials(dataDir: DataDir): RootCredentials {
  const credentials = newKeyPair();
  keepRootCredentials(dataDir, credentials);
  return credentials;
}

export function keepRootCredentials(dataDir: DataDir, credentials: RootCredentials): void {
  const { accessKey, secretKey } = credentials;
  writePrivate(dataDir.credentialsPath, `${JSON.stringify({ accessKey, secretKey }, undefined, 2)}\n`);
}

export function newKeyPair(): RootCredentials {
  return {
    accessKey: `FB${randomBytes(9).toString('hex').toUpperCase()}`,
    secretKey: randomBytes(30).toString('base64').replaceAll('+', 'p').replaceAll('/', 's'),
  };
}

/** Made at the first start. @throws CommandError where the file is damaged: a new key would open nothing. */
export function sealKeyIn(dataDir: DataDir): Uint8Array {
  const text = readText(dataDir.sealKeyPath);
  if (text === undefined) {
    const key = randomBytes(secretBoxKeyBytes);
    writePrivate(dataDir.sealKeyPath, `${key.toString('hex')}\n`);
    return key;
  }
  const key = Buffer.from(text.trim(), 'hex');
  if (key.length === secretBoxKeyBytes) return key;
  throw new CommandError(
    `${dataDir.sealKeyPath} is damaged: it must hold ${secretBoxKeyBytes} bytes in hex; ` +
      'users cannot be read without it',
  );
}

/** The name of this node of a cluster, the same after each restart. @throws CommandError */
export function nodeIdIn({ path }: DataDir): string {
  const idPath = join(path, 'node-id');
  const kept = readText(idPath)?.trim();
  if (kept) return kept;
  const made = `node-${randomBytes(6).toString('hex')}`;
  writePrivate(idPath, `${made}\n`);
  return made;
}

/** For the owner's eyes alone; all at once, and on disk before anyone is told. */
function writePrivate(path: string, text: string): void {
  const asidePath = `${path}.tmp`;
  writeFileSync(asidePath, text, { mode: 0o600, flush: true });
  renameSync(asidePath, path);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CommandError(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
