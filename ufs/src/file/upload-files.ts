/**
 * Multipart uploads as files, kept across restarts: uploads/ID/upload.json says what the upload is for,
 * NNNNN.json what a part is and which file, also there, has its bytes. A part is replaced by replacing its
 * small file.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { noSuchUpload } from '../local/answers.ts';
import type { PartRecord, UploadBackend, UploadRecord } from '../local/backend.ts';
import { makeDirectories, makeDirectory, replaceFile, syncDirectory } from './durable.ts';
import { FileBody } from './file-body.ts';
import { absentAsUndefined, answering, hasCode } from './fs-errors.ts';
import type { Layout } from './layout.ts';
import { mapBounded } from './map-bounded.ts';

type StoredPart = PartRecord & { readonly file: string };

export class UploadFiles implements UploadBackend {
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  create(upload: UploadRecord): Promise<void> {
    return this.#answering(async () => {
      await makeDirectories(this.#layout.hidden, this.#layout.uploads);
      await makeDirectory(this.#layout.tmp);
      const draft = join(this.#layout.tmp, randomUUID());
      await mkdir(draft);
      const path = join(draft, 'upload.json');
      await replaceFile(path, `${path}.draft`, JSON.stringify(upload));
      await rename(draft, this.#directoryOf(upload.uploadId)!);
      await syncDirectory(this.#layout.uploads);
    });
  }

  find(uploadId: string): Promise<UploadRecord | undefined> {
    const directory = this.#directoryOf(uploadId);
    if (directory === undefined) return Promise.resolve(undefined);
    return this.#answering(() => readJson<UploadRecord>(join(directory, 'upload.json')));
  }

  list(): Promise<readonly UploadRecord[]> {
    return this.#answering(async () => {
      const ids = (await absentAsUndefined(readdir(this.#layout.uploads))) ?? [];
      const found = await mapBounded(ids, (id) =>
        readJson<UploadRecord>(join(this.#layout.uploads, id, 'upload.json')),
      );
      return found.filter((upload) => upload !== undefined);
    });
  }

  /** The staged file becomes the part; the caller holds the upload's lock. */
  commitPart(uploadId: string, part: PartRecord, stagedPath: string): Promise<void> {
    return this.#answering(async () => {
      const directory = this.#directoryOf(uploadId);
      if (directory === undefined) throw noSuchUpload(uploadId);
      const recordPath = join(directory, partName(part.partNumber));
      const before = await readJson<StoredPart>(recordPath);
      const stored: StoredPart = { ...part, file: `${partName(part.partNumber)}.${randomUUID()}` };
      try {
        await rename(stagedPath, join(directory, stored.file));
        await replaceFile(recordPath, join(this.#layout.tmp, randomUUID()), JSON.stringify(stored));
      } catch (error) {
        if (hasCode(error, 'ENOENT') && !(await this.find(uploadId))) throw noSuchUpload(uploadId);
        throw error;
      }
      if (before) await rm(join(directory, before.file), { force: true });
    });
  }

  parts(
    uploadId: string,
    { after, countMax } = { after: 0, countMax: Number.POSITIVE_INFINITY },
  ): Promise<readonly PartRecord[]> {
    return this.#answering(async () => {
      const directory = this.#directoryOf(uploadId);
      if (directory === undefined) return [];
      const names = (await absentAsUndefined(readdir(directory))) ?? [];
      const records = names.filter((name) => /^\d{5}\.json$/.test(name) && Number.parseInt(name, 10) > after);
      const wanted = records.sort().slice(0, countMax);
      const found = await mapBounded(wanted, (name) => readJson<StoredPart>(join(directory, name)));
      return found.filter((part) => part !== undefined);
    });
  }

  async *readPart(uploadId: string, part: PartRecord): AsyncGenerator<Uint8Array> {
    const { file } = part as StoredPart;
    const handle = await this.#answering(() => {
      return open(join(this.#layout.uploads, uploadId, file), constants.O_RDONLY);
    });
    try {
      const stats = await handle.stat({ bigint: true });
      yield* new FileBody({ handle, stats }, { start: 0, endExclusive: part.sizeBytes }, undefined);
    } finally {
      await handle.close();
    }
  }

  /** Gone at once by its name; what it held is removed after that. */
  remove(uploadId: string): Promise<void> {
    return this.#answering(async () => {
      const directory = this.#directoryOf(uploadId);
      if (directory === undefined) return;
      const gone = join(this.#layout.tmp, randomUUID());
      await rename(directory, gone);
      await syncDirectory(this.#layout.uploads);
      await rm(gone, { recursive: true, force: true });
    });
  }

  /** Undefined for a text that is no id of ours: it never becomes part of a path. */
  #directoryOf(uploadId: string): string | undefined {
    return /^[0-9a-z]{16,64}$/.test(uploadId) ? join(this.#layout.uploads, uploadId) : undefined;
  }

  #answering<T>(work: () => Promise<T>): Promise<T> {
    return answering(this.#layout.directory, work);
  }
}

function partName(partNumber: number): string {
  return `${String(partNumber).padStart(5, '0')}.json`;
}

async function readJson<T>(path: string): Promise<T | undefined> {
  const text = await absentAsUndefined(readFile(path, 'utf8'));
  return text === undefined ? undefined : (JSON.parse(text) as T);
}
