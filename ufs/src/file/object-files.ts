/**
 * Objects as files of a directory: looking them up, describing and removing them. A key is looked up as a
 * plain file first and as an odd one after that.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, rmdir, unlink } from 'node:fs/promises';
import { ForebayError } from '@forebay/core/errors';
import type { ObjectRecord, ObjectState, OpenObject } from '../local/backend.ts';
import { syncDirectory } from './durable.ts';
import { FileBody } from './file-body.ts';
import { absentAsUndefined, checkDirectory, hasCode } from './fs-errors.ts';
import { foreignRecord, isSameContent, lastModifiedMs } from './identity.ts';
import type { Layout } from './layout.ts';
import type { OddIndex } from './odd-index.ts';
import type { RealDirectory, RealTree } from './real-directory.ts';
import type { Sidecars } from './sidecars.ts';

export interface FileStore {
  readonly layout: Layout;
  readonly tree: RealTree;
  readonly sidecars: Sidecars;
  readonly odd: OddIndex;
}

/** Files that hold a key now, whether or not a lookup would find them. */
export interface KeyFiles {
  readonly plain: BigIntStats | undefined;
  readonly odd: BigIntStats | undefined;
}

/** An object held open, and which content of its file it is. */
interface OpenFile extends OpenObject {
  readonly stats: BigIntStats;
}

const lookupsMax = 8;

export class ObjectFiles {
  readonly #store: FileStore;

  constructor(store: FileStore) {
    this.#store = store;
  }

  async open(key: string): Promise<OpenFile | undefined> {
    const { layout, odd } = this.#store;
    const segments = layout.segmentsOf(key);
    const plain = segments && (await this.#openFile(key, layout.pathOf(segments), segments));
    if (plain) return plain;
    if (odd.isUsed) {
      const found = await this.#openFile(key, layout.oddPathOf(key).path, undefined);
      if (found) return found;
      // A put may have moved the key from odd to plain between the two looks; never the other way.
      const again = segments && (await this.#openFile(key, layout.pathOf(segments), segments));
      if (again) return again;
    }
    await checkDirectory(layout.directory);
    return undefined;
  }

  /** @param segments of a plain key: checked to lie below the mounted directory */
  async #openFile(
    key: string,
    path: string,
    segments: readonly string[] | undefined,
  ): Promise<OpenFile | undefined> {
    for (let lookup = 0; lookup < lookupsMax; lookup += 1) {
      // Without O_NONBLOCK, opening a pipe would wait for someone to write to it.
      const handle = await absentAsUndefined(open(path, constants.O_RDONLY | constants.O_NONBLOCK));
      if (!handle) return undefined;
      let opened: OpenFile | 'no-object' | 'changed' = 'changed';
      try {
        opened = await this.#inspect(key, handle, segments);
      } finally {
        if (typeof opened === 'string') await handle.close();
      }
      if (opened === 'no-object') return undefined;
      if (opened !== 'changed') return opened;
    }
    throw new ForebayError('ufs-unavailable', 'the file kept changing while it was looked up');
  }

  async #inspect(
    key: string,
    handle: FileHandle,
    segments: readonly string[] | undefined,
  ): Promise<OpenFile | 'no-object' | 'changed'> {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) return 'no-object';
    if (segments && !(await this.#store.tree.holds(handle, segments))) return 'no-object';
    let record = await this.#store.sidecars.read(key, stats);
    if (!record) {
      // Either another program wrote the file, or a put replaced it and has removed its sidecar already.
      const now = await handle.stat({ bigint: true });
      if (now.nlink === 0n || !isSameContent(stats, now)) return 'changed';
      record = foreignRecord(stats);
    }
    return {
      ...stateOf(stats, record),
      stats,
      read: (range, signal) => new FileBody({ handle, stats }, range, signal),
      close: () => handle.close(),
    };
  }

  /** The record alone: the file is not touched, so it stays the version that it is. */
  async rewrite(
    key: string,
    change: (record: ObjectRecord) => ObjectRecord,
  ): Promise<ObjectState | undefined> {
    const object = await this.open(key);
    if (!object) return undefined;
    await object.close();
    const record = change(object.record);
    await this.#store.sidecars.replace(key, object.stats, record);
    return stateOf(object.stats, record);
  }

  /** As `open` sees it, cheaper: for keys that a listing has just found. */
  async describe(key: string): Promise<ObjectState | undefined> {
    const { layout, sidecars } = this.#store;
    const segments = layout.segmentsOf(key);
    const path = segments ? layout.pathOf(segments) : undefined;
    const stats = path === undefined ? undefined : await absentAsUndefined(lstat(path, { bigint: true }));
    if (path !== undefined && stats?.isFile()) {
      const record = await sidecars.read(key, stats);
      if (record) return stateOf(stats, record);
      const now = await absentAsUndefined(lstat(path, { bigint: true }));
      if (now && isSameContent(stats, now)) return stateOf(stats, foreignRecord(stats));
    }
    const object = await this.open(key); // an odd key, a link, or a file that changed meanwhile
    await object?.close();
    return object;
  }

  async filesOf(key: string): Promise<KeyFiles> {
    const { layout, odd } = this.#store;
    const segments = layout.segmentsOf(key);
    const statsOf = (path: string) => absentAsUndefined(lstat(path, { bigint: true }));
    const plain = segments && (await statsOf(layout.pathOf(segments)));
    return {
      plain: plain?.isFile() ? plain : undefined,
      odd: odd.isUsed ? await statsOf(layout.oddPathOf(key).path) : undefined,
    };
  }

  /** The odd one first: were it last, a crash in between would bring an older object back. */
  async remove(key: string): Promise<void> {
    const { layout, sidecars } = this.#store;
    await checkDirectory(layout.directory);
    const files = await this.filesOf(key);
    if (files.odd) await this.removeOdd(key);
    const segments = layout.segmentsOf(key);
    if (segments) await this.#removePlain(key, segments);
    let removedSidecar = files.plain === undefined;
    for (const file of [files.odd, files.plain]) {
      if (file) removedSidecar = await sidecars.remove(key, file);
    }
    if (!removedSidecar) await sidecars.removeOthers(key, undefined);
  }

  async removeOdd(key: string): Promise<void> {
    const { directory, path } = this.#store.layout.oddPathOf(key);
    if ((await absentAsUndefined(unlink(path).then(() => true))) !== undefined)
      await syncDirectory(directory);
    this.#store.odd.remove(key);
  }

  async #removePlain(key: string, segments: readonly string[]): Promise<void> {
    const parents = segments.slice(0, -1);
    const parent = await this.#store.tree.open(parents);
    if (!parent) return;
    try {
      const path = parent.child(segments.at(-1)!);
      const stats = await absentAsUndefined(lstat(path));
      // A link that leads to no object of this store is none itself: it stays.
      const isObject = stats?.isFile() || (stats?.isSymbolicLink() && (await this.#isObject(key, segments)));
      if (!isObject) return;
      await absentAsUndefined(unlink(path));
      await parent.sync();
    } finally {
      await parent.close();
    }
    await this.#removeEmptyParents(parents);
  }

  async #isObject(key: string, segments: readonly string[]): Promise<boolean> {
    const object = await this.#openFile(key, this.#store.layout.pathOf(segments), segments);
    await object?.close();
    return object !== undefined;
  }

  /** Up to the mounted directory, which stays. A put that wants one of them makes it again. */
  async #removeEmptyParents(parents: readonly string[]): Promise<void> {
    for (let depth = parents.length; depth > 0; depth -= 1) {
      const above: RealDirectory | undefined = await this.#store.tree.open(parents.slice(0, depth - 1));
      if (!above) return;
      try {
        await rmdir(above.child(parents[depth - 1]!));
      } catch (error) {
        if (hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR', 'EBUSY', 'EACCES', 'EPERM')) return;
        throw error;
      } finally {
        await above.close();
      }
    }
  }
}

export function stateOf(stats: BigIntStats, record: ObjectRecord): ObjectState {
  return { sizeBytes: Number(stats.size), lastModifiedMs: lastModifiedMs(stats), record };
}
