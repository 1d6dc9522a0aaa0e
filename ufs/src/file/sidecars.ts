/**
 * Records of objects: one small file per object version, named by the key and by the identity of the data
 * file (inode, mtime), so that an overwrite by another program leaves it without effect. Life of a sidecar:
 *   1. written and synced, bound to inode, size and mtime, before the data file is renamed to its place;
 *   2. after the rename, which changes the ctime, a second line binds it to that ctime as well;
 *   3. replaced where the record changes and the bytes do not (tags);
 *   4. removed after a newer version has taken its place, or the object was deleted.
 * A crash after 1 leaves a file nobody reads; after the rename, a sidecar that is good without its second
 * line.
 */
import { randomUUID } from 'node:crypto';
import { appendFile, readdir, readFile, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { HeaderList } from '@forebay/core/object';
import type { ObjectRecord } from '../local/backend.ts';
import { makeDirectories, replaceFile, syncDirectory, writeFileDurably } from './durable.ts';
import { absentAsUndefined, hasCode } from './fs-errors.ts';
import type { FileIdentity } from './identity.ts';
import { keyHash, type Layout } from './layout.ts';

interface Sidecar {
  readonly key: string;
  readonly sizeBytes: string;
  readonly record: ObjectRecord;
}

export class Sidecars {
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Undefined where Forebay has not written this very version. */
  async read(key: string, file: FileIdentity): Promise<ObjectRecord | undefined> {
    const { path } = this.#pathOf(key, file);
    const text = await absentAsUndefined(readFile(path, 'utf8'));
    if (text === undefined) return undefined;
    const [json, amendment] = text.split('\n');
    const complete = text.split('\n').length > 2;
    if (complete && amendment !== `ctime ${file.ctimeNs}`) return undefined;
    const sidecar = parse(json!);
    if (sidecar?.key !== key || sidecar.sizeBytes !== String(file.size)) return undefined;
    return sidecar.record;
  }

  async write(key: string, file: FileIdentity, record: ObjectRecord): Promise<void> {
    const { path, directory } = this.#pathOf(key, file);
    const text = textOf(key, file, record);
    try {
      await writeFileDurably(path, text);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
      await makeDirectories(this.#layout.hidden, directory);
      await writeFileDurably(path, text);
    }
    await syncDirectory(directory);
  }

  /**
   * Another record for a file that stays where it is, also one that another program wrote: readers see the
   * old record or the new one.
   */
  async replace(key: string, file: FileIdentity, record: ObjectRecord): Promise<void> {
    const { path, directory } = this.#pathOf(key, file);
    const { hidden, tmp } = this.#layout;
    await makeDirectories(hidden, tmp);
    await makeDirectories(hidden, directory);
    await replaceFile(path, join(tmp, randomUUID()), `${textOf(key, file, record)}${boundTo(file)}`);
  }

  /** Needs no sync: without its second line the sidecar is as good, only less strictly bound. */
  async amend(key: string, file: FileIdentity): Promise<void> {
    await appendFile(this.#pathOf(key, file).path, boundTo(file));
  }

  /** Answers whether there was one. */
  async remove(key: string, file: FileIdentity): Promise<boolean> {
    try {
      await unlink(this.#pathOf(key, file).path);
      return true;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return false;
      throw error;
    }
  }

  /** Those of versions that another program overwrote. @param kept the version that stays, if any */
  async removeOthers(key: string, kept: FileIdentity | undefined): Promise<void> {
    const hash = keyHash(key).slice(0, 32);
    const directory = join(this.#layout.meta, hash.slice(0, 2));
    const keptPath = kept && this.#pathOf(key, kept).path;
    for (const name of (await absentAsUndefined(readdir(directory))) ?? []) {
      const path = join(directory, name);
      if (name.startsWith(`${hash}-`) && path !== keptPath) await rm(path, { force: true });
    }
  }

  #pathOf(key: string, file: FileIdentity): { path: string; directory: string } {
    const hash = keyHash(key).slice(0, 32);
    const directory = join(this.#layout.meta, hash.slice(0, 2));
    return { directory, path: join(directory, `${hash}-${file.ino}-${file.mtimeNs}.json`) };
  }
}

function textOf(key: string, file: FileIdentity, record: ObjectRecord): string {
  const sidecar: Sidecar = { key, sizeBytes: String(file.size), record };
  return `${JSON.stringify(sidecar)}\n`;
}

/** The second line. */
function boundTo(file: FileIdentity): string {
  return `ctime ${file.ctimeNs}\n`;
}

/** Undefined where the text is torn or was written by someone else. */
function parse(json: string): Sidecar | undefined {
  let value: Partial<Sidecar> | null;
  try {
    value = JSON.parse(json) as Partial<Sidecar> | null;
  } catch {
    return undefined;
  }
  const record = value?.record;
  if (typeof value?.key !== 'string' || typeof value.sizeBytes !== 'string' || !record) return undefined;
  if (typeof record.etag !== 'string' || !isHeaderList(record.headers)) return undefined;
  return value as Sidecar;
}

function isHeaderList(value: unknown): value is HeaderList {
  return Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2);
}
