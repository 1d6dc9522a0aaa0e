/**
 * ObjectBackend over a directory: composes lookup, staging, listing and uploads, and owns what they share.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectBackend, ObjectRecord, ObjectState, OpenObject, StagedBytes } from '../local/backend.ts';
import { type KeyCursor, type KeyScan, MergedCursor } from '../local/listing.ts';
import { ConfigurationFiles } from './configuration-files.ts';
import { absentAsUndefined, answering, checkDirectory } from './fs-errors.ts';
import { Layout } from './layout.ts';
import { mapBounded } from './map-bounded.ts';
import { type FileStore, ObjectFiles } from './object-files.ts';
import { OddIndex } from './odd-index.ts';
import { RealTree } from './real-directory.ts';
import { Sidecars } from './sidecars.ts';
import { stage } from './staging.ts';
import { TreeCursor } from './tree-cursor.ts';
import { UploadFiles } from './upload-files.ts';

export class FileBackend implements ObjectBackend {
  readonly uploads: UploadFiles;
  readonly configuration: ConfigurationFiles;
  readonly #store: FileStore;
  readonly #objects: ObjectFiles;

  constructor(directory: string) {
    const layout = new Layout(directory);
    this.#store = {
      layout,
      tree: new RealTree(directory),
      sidecars: new Sidecars(layout),
      odd: new OddIndex(layout),
    };
    this.#objects = new ObjectFiles(this.#store);
    this.uploads = new UploadFiles(layout);
    this.configuration = new ConfigurationFiles(layout);
  }

  check(): Promise<void> {
    return checkDirectory(this.#store.layout.directory);
  }

  open(key: string): Promise<OpenObject | undefined> {
    return this.#answering(() => this.#objects.open(key));
  }

  stage(body: AsyncIterable<Uint8Array>): Promise<StagedBytes> {
    return stage({ store: this.#store, objects: this.#objects, uploads: this.uploads }, body);
  }

  rewrite(key: string, change: (record: ObjectRecord) => ObjectRecord): Promise<ObjectState | undefined> {
    return this.#answering(() => this.#objects.rewrite(key, change));
  }

  remove(key: string): Promise<void> {
    return this.#answering(() => this.#objects.remove(key));
  }

  cursor(scan: KeyScan): KeyCursor {
    const { layout, tree, odd } = this.#store;
    const merged = new MergedCursor([new TreeCursor(layout, tree, scan), odd.cursor(scan)]);
    let isChecked = false;
    return {
      next: (bound) =>
        this.#answering(async () => {
          if (!isChecked) await checkDirectory(layout.directory);
          isChecked = true;
          return merged.next(bound);
        }),
    };
  }

  describe(keys: readonly string[]): Promise<readonly (ObjectState | undefined)[]> {
    return this.#answering(() => mapBounded(keys, (key) => this.#objects.describe(key)));
  }

  async close(): Promise<void> {
    this.#store.odd.close();
  }

  /** Removes bytes that a crash left on their way. @param stagedBeforeMs since the epoch */
  async sweep(stagedBeforeMs: number): Promise<void> {
    const { tmp } = this.#store.layout;
    for (const name of (await absentAsUndefined(readdir(tmp))) ?? []) {
      const path = join(tmp, name);
      const stats = await absentAsUndefined(stat(path));
      if (stats && stats.mtimeMs < stagedBeforeMs) await rm(path, { recursive: true, force: true });
    }
  }

  #answering<T>(work: () => Promise<T>): Promise<T> {
    return answering(this.#store.layout.directory, work);
  }
}
