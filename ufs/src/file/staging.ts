/**
 * Bytes on their way into the store. A commit is: bytes written and synced in tmp/, the record's sidecar
 * written, the file renamed into place, the directory synced; only then is the write a success, and what
 * the old version left behind is removed. A crash at any instant leaves the old object with its record or
 * the new one with its own.
 */
import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ForebayError } from '@forebay/core/errors';
import type { ObjectRecord, ObjectState, PartRecord, StagedBytes } from '../local/backend.ts';
import { makeDirectories, syncDirectory } from './durable.ts';
import { answering, BodyFailure, hasCode, isAbsent } from './fs-errors.ts';
import { lastModifiedMs } from './identity.ts';
import type { Layout } from './layout.ts';
import { type FileStore, type KeyFiles, type ObjectFiles, stateOf } from './object-files.ts';
import type { UploadFiles } from './upload-files.ts';

const placementsMax = 8;

export interface Staging {
  readonly store: FileStore;
  readonly objects: ObjectFiles;
  readonly uploads: UploadFiles;
}

export function stage(staging: Staging, body: AsyncIterable<Uint8Array>): Promise<StagedBytes> {
  const { layout } = staging.store;
  return answering(layout.directory, async () => {
    const path = join(layout.tmp, randomUUID());
    const handle = await openStaged(layout, path);
    try {
      for await (const chunk of guarded(body)) await writeWhole(handle, chunk);
      await handle.sync();
      return new StagedFile(staging, { handle, path, stats: await handle.stat({ bigint: true }) });
    } catch (error) {
      await handle.close();
      await rm(path, { force: true });
      throw error;
    }
  });
}

async function openStaged(layout: Layout, path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx');
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    await makeDirectories(layout.hidden, layout.tmp);
    return open(path, 'wx');
  }
}

async function* guarded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw new BodyFailure(error);
  }
}

async function writeWhole(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let writtenBytes = 0; writtenBytes < chunk.byteLength; ) {
    const { bytesWritten } = await handle.write(chunk, writtenBytes);
    writtenBytes += bytesWritten;
  }
}

interface Staged {
  readonly handle: FileHandle;
  readonly path: string;
  readonly stats: BigIntStats;
}

class StagedFile implements StagedBytes {
  readonly lastModifiedMs: number;
  readonly #staging: Staging;
  readonly #staged: Staged;
  #isPlaced = false;

  constructor(staging: Staging, staged: Staged) {
    this.#staging = staging;
    this.#staged = staged;
    this.lastModifiedMs = lastModifiedMs(staged.stats);
  }

  commit(key: string, record: ObjectRecord): Promise<ObjectState> {
    const { store, objects } = this.#staging;
    const { handle, stats } = this.#staged;
    return answering(store.layout.directory, async () => {
      const before = await objects.filesOf(key);
      await store.sidecars.write(key, stats, record);
      let landed: Landing;
      try {
        landed = await this.#place(key);
      } catch (error) {
        await store.sidecars.remove(key, stats);
        throw error;
      }
      this.#isPlaced = true;
      await landed.sync().catch((cause: unknown) => {
        throw new ForebayError('state-unknown', 'the object may not be on disk for good', { cause });
      });
      const after = await handle.stat({ bigint: true });
      await handle.close();
      // From here on the write is a success: what cannot be tidied up now is never looked at again.
      await this.#tidy(key, { before, after, landed }).catch(() => undefined);
      return stateOf(stats, record);
    });
  }

  async commitPart(uploadId: string, part: PartRecord): Promise<void> {
    await this.#staged.handle.close();
    await this.#staging.uploads.commitPart(uploadId, part, this.#staged.path);
    this.#isPlaced = true;
  }

  async discard(): Promise<void> {
    await this.#staged.handle.close();
    if (!this.#isPlaced) await rm(this.#staged.path, { force: true });
  }

  async #place(key: string): Promise<Landing> {
    const segments = this.#staging.store.layout.segmentsOf(key);
    const plain = segments && (await this.#placePlain(segments));
    return plain ?? this.#placeOdd(key);
  }

  /** Undefined where a directory, or a file above it, is in the way. */
  async #placePlain(segments: readonly string[]): Promise<Landing | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const parent = await this.#staging.store.tree.make(segments.slice(0, -1));
        if (!parent) return undefined;
        try {
          await rename(this.#staged.path, parent.child(segments.at(-1)!));
        } catch (error) {
          await parent.close();
          throw error;
        }
        return { kind: 'plain', sync: () => parent.sync().finally(() => parent.close()) };
      } catch (error) {
        // A delete may take a directory away just before it is used.
        if (hasCode(error, 'ENOENT') && attempt < placementsMax) continue;
        if (isAbsent(error) || hasCode(error, 'EEXIST', 'ENOTEMPTY', 'EILSEQ')) return undefined;
        throw error;
      }
    }
  }

  /**
   * The row comes first: a row without a file is nothing, a file without a row would be missing in
   * listings.
   */
  async #placeOdd(key: string): Promise<Landing> {
    const { layout, odd } = this.#staging.store;
    const { directory, path } = layout.oddPathOf(key);
    await makeDirectories(layout.hidden, directory);
    odd.add(key);
    await rename(this.#staged.path, path);
    return { kind: 'odd', sync: () => syncDirectory(directory) };
  }

  async #tidy(key: string, files: { before: KeyFiles; after: BigIntStats; landed: Landing }): Promise<void> {
    const { sidecars } = this.#staging.store;
    const { before, after, landed } = files;
    await sidecars.amend(key, after);
    if (landed.kind === 'plain' && before.odd) await this.#staging.objects.removeOdd(key);
    for (const old of [before.plain, before.odd]) {
      if (!old || (old.ino === after.ino && old.mtimeNs === after.mtimeNs)) continue;
      if (!(await sidecars.remove(key, old))) await sidecars.removeOthers(key, after);
    }
  }
}

interface Landing {
  readonly kind: 'plain' | 'odd';
  /** Makes the new name durable. */
  sync(): Promise<void>;
}
