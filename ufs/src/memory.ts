/**
 * A Ufs in memory, for tests and the simulation: the same S3 rules as the file driver, no disk and no
 * sockets.
 */
import { createHash, randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '@forebay/core/clock';
import type { ByteRange } from '@forebay/core/range';
import { compareUtf8 } from '@forebay/core/utf8-order';
import { noSuchUpload } from './local/answers.ts';
import type {
  ConfigurationBackend,
  ObjectBackend,
  ObjectRecord,
  ObjectState,
  OpenObject,
  PartRecord,
  StagedBytes,
  UploadBackend,
  UploadRecord,
} from './local/backend.ts';
import { KeyLocks } from './local/key-locks.ts';
import { isExcluded, type KeyCursor, type KeyScan } from './local/listing.ts';
import { LocalUfs } from './local/local-ufs.ts';
import { describeObject } from './local/object-headers.ts';
import type { Ufs } from './ufs.ts';

export interface MemoryUfsOptions {
  readonly identity?: string;
  readonly region?: string;
  readonly clock?: Clock;
  /** 5 MiB without it. */
  readonly partSizeBytesMin?: number;
}

const chunkSizeBytes = 256 * 1024;

/** @param objects what is there from the start: key to bytes, or to text as UTF-8 */
export function memoryUfs(
  objects: Readonly<Record<string, Uint8Array | string>> = {},
  options: MemoryUfsOptions = {},
): Ufs {
  const clock = options.clock ?? systemClock;
  const backend = new MemoryBackend(clock);
  for (const [key, content] of Object.entries(objects)) {
    const bytes = Buffer.from(content);
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    backend.store(key, bytes, { etag, ...describeObject([]) });
  }
  const identity = options.identity ?? `memory:${randomUUID()}`;
  return new LocalUfs({
    identity,
    lockScope: identity,
    region: options.region ?? 'us-east-1',
    backend,
    locks: new KeyLocks(),
    clock,
    partSizeBytesMin: options.partSizeBytesMin,
  });
}

interface StoredObject extends ObjectState {
  readonly bytes: Uint8Array;
}

class MemoryBackend implements ObjectBackend {
  readonly uploads = new MemoryUploads();
  readonly configuration = memoryConfiguration();
  readonly #objects = new Map<string, StoredObject>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async check(): Promise<void> {}

  store(key: string, bytes: Uint8Array, record: ObjectRecord): ObjectState {
    const stored = { bytes, sizeBytes: bytes.byteLength, lastModifiedMs: this.#nowMs(), record };
    this.#objects.set(key, stored);
    return stored;
  }

  async open(key: string): Promise<OpenObject | undefined> {
    const stored = this.#objects.get(key);
    if (!stored) return undefined;
    return {
      ...stored,
      read: (range, signal) => chunksOf(stored.bytes, range, signal),
      close: async () => {},
    };
  }

  async stage(body: AsyncIterable<Uint8Array>): Promise<StagedBytes> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    return {
      lastModifiedMs: this.#nowMs(),
      commit: async (key, record) => this.store(key, bytes, record),
      commitPart: async (uploadId, part) => this.uploads.putPart(uploadId, part, bytes),
      discard: async () => {},
    };
  }

  async rewrite(
    key: string,
    change: (record: ObjectRecord) => ObjectRecord,
  ): Promise<ObjectState | undefined> {
    const stored = this.#objects.get(key);
    if (!stored) return undefined;
    const rewritten = { ...stored, record: change(stored.record) };
    this.#objects.set(key, rewritten);
    return rewritten;
  }

  async remove(key: string): Promise<void> {
    this.#objects.delete(key);
  }

  cursor(scan: KeyScan): KeyCursor {
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(scan.prefix)).sort(compareUtf8);
    let index = 0;
    return {
      next: async (bound) => {
        while (index < keys.length && isExcluded(bound, keys[index]!)) index += 1;
        return keys[index];
      },
    };
  }

  async describe(keys: readonly string[]): Promise<readonly (ObjectState | undefined)[]> {
    return keys.map((key) => this.#objects.get(key));
  }

  async close(): Promise<void> {}

  #nowMs(): number {
    return Math.floor(this.#clock.wallMs() / 1000) * 1000;
  }
}

function memoryConfiguration(): ConfigurationBackend {
  const documents = new Map<string, Uint8Array>();
  return {
    read: async (name) => documents.get(name),
    write: async (name, document) => {
      if (document) documents.set(name, document);
      else documents.delete(name);
    },
  };
}

class MemoryUploads implements UploadBackend {
  readonly #uploads = new Map<string, { upload: UploadRecord; parts: Map<number, StoredPart> }>();

  async create(upload: UploadRecord): Promise<void> {
    this.#uploads.set(upload.uploadId, { upload, parts: new Map() });
  }

  async find(uploadId: string): Promise<UploadRecord | undefined> {
    return this.#uploads.get(uploadId)?.upload;
  }

  async list(): Promise<readonly UploadRecord[]> {
    return [...this.#uploads.values()].map(({ upload }) => upload);
  }

  putPart(uploadId: string, part: PartRecord, bytes: Uint8Array): void {
    const found = this.#uploads.get(uploadId);
    if (!found) throw noSuchUpload(uploadId);
    found.parts.set(part.partNumber, { part, bytes });
  }

  async parts(
    uploadId: string,
    { after, countMax } = { after: 0, countMax: Number.POSITIVE_INFINITY },
  ): Promise<readonly PartRecord[]> {
    const parts = [...(this.#uploads.get(uploadId)?.parts.values() ?? [])].map(({ part }) => part);
    const later = parts.filter((part) => part.partNumber > after);
    return later.sort((a, b) => a.partNumber - b.partNumber).slice(0, countMax);
  }

  async *readPart(uploadId: string, part: PartRecord): AsyncGenerator<Uint8Array> {
    const stored = this.#uploads.get(uploadId)?.parts.get(part.partNumber);
    if (!stored) throw noSuchUpload(uploadId);
    yield stored.bytes;
  }

  async remove(uploadId: string): Promise<void> {
    this.#uploads.delete(uploadId);
  }
}

interface StoredPart {
  readonly part: PartRecord;
  readonly bytes: Uint8Array;
}

/** Copies, so that what a consumer does to its chunks never reaches the store. */
async function* chunksOf(
  bytes: Uint8Array,
  range: ByteRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for (let start = range.start; start < range.endExclusive; start += chunkSizeBytes) {
    signal?.throwIfAborted();
    yield Uint8Array.prototype.slice.call(bytes, start, Math.min(start + chunkSizeBytes, range.endExclusive));
  }
}
