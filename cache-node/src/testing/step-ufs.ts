/**
 * A UFS of a few objects whose every step a test can hold: when a request is looked at, when its answer
 * goes out, and each piece of a body. It counts what reached it. Only what a cache node calls is there. An
 * object may have versions: `put` with an id keeps those before it.
 */
import { createHash } from 'node:crypto';
import { ForebayError, UfsAnswerError } from '@forebay/core/errors';
import type { ObjectInfo } from '@forebay/core/object';
import { resolveRange } from '@forebay/core/range';
import type { Ufs, UfsObject, UfsReadOptions } from '@forebay/ufs/ufs';
import { noQueue } from '@forebay/ufs/ufs-queue';

export interface StepRequest {
  readonly op: 'get' | 'head';
  readonly key: string;
  readonly versionId: string | undefined;
  readonly range: UfsReadOptions['range'];
  readonly ifMatch: string | undefined;
}

interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string | undefined;
  readonly versionId?: string | undefined;
}

type Gate = (request: StepRequest) => Promise<void> | undefined;

export class StepUfs {
  readonly objects = new Map<string, StoredObject>();
  /** By key: the versions that have an id, or the marker that stands in for one. */
  readonly #versions = new Map<string, Map<string, StoredObject | 'marker'>>();
  readonly requests: StepRequest[] = [];
  pieceBytes = 16 * 1024;
  /** Awaited before the store is looked at. */
  beforeRead: Gate = () => undefined;
  /** Awaited after the store was looked at, before the answer goes out. */
  beforeAnswer: Gate = () => undefined;
  /** Awaited before each piece of a body. May throw: the body breaks there. */
  beforePiece: (request: StepRequest, offset: number) => Promise<void> | undefined = () => undefined;
  down = false;
  bodiesOpen = 0;

  put(key: string, bytes: Uint8Array | string, etag?: string | null): string {
    const content = Buffer.from(bytes as Uint8Array);
    const tag = etag ?? `"${createHash('md5').update(content).digest('hex')}"`;
    this.objects.set(key, { bytes: content, etag: etag === null ? undefined : tag });
    return tag;
  }

  /** A new current version; those before it stay. */
  putVersion(key: string, versionId: string, bytes: Uint8Array | string, asked?: string): string {
    const etag = this.put(key, bytes, asked);
    const object = { ...this.objects.get(key)!, versionId };
    this.objects.set(key, object);
    this.#versionsOf(key).set(versionId, object);
    return etag;
  }

  /** A delete without an id: the current version is a marker. */
  mark(key: string, versionId: string): void {
    this.objects.delete(key);
    this.#versionsOf(key).set(versionId, 'marker');
  }

  /** Takes a version away for good; the newest of the others becomes the current one. */
  deleteVersion(key: string, versionId: string): void {
    const versions = this.#versionsOf(key);
    versions.delete(versionId);
    const newest = [...versions.values()].at(-1);
    if (newest && newest !== 'marker') this.objects.set(key, newest);
    else this.objects.delete(key);
  }

  #versionsOf(key: string): Map<string, StoredObject | 'marker'> {
    const versions = this.#versions.get(key) ?? new Map<string, StoredObject | 'marker'>();
    this.#versions.set(key, versions);
    return versions;
  }

  count(op: 'get' | 'head'): number {
    return this.requests.filter((request) => request.op === op).length;
  }

  asUfs(): Ufs {
    const unused = () => Promise.reject(new Error('a cache node never calls this'));
    const ufs: Ufs = {
      identity: 'step:lake',
      region: 'us-east-1',
      circuit: 'closed',
      queue: noQueue,
      usedBy: () => ufs,
      head: (key, options = {}) => this.#head(key, options),
      get: (key, options = {}) => this.#get(key, options),
      forward: unused,
      list: unused,
      listVersions: unused,
      checkBucket: unused,
      put: unused,
      delete: unused,
      deleteMany: unused,
      copy: unused,
      createUpload: unused,
      uploadPart: unused,
      uploadPartCopy: unused,
      completeUpload: unused,
      abortUpload: unused,
      listParts: unused,
      listUploads: unused,
      close: () => Promise.resolve(),
    };
    return ufs;
  }

  async #head(key: string, { versionId }: UfsReadOptions): Promise<ObjectInfo> {
    const request: StepRequest = { op: 'head', key, versionId, range: undefined, ifMatch: undefined };
    this.requests.push(request);
    await this.beforeRead(request);
    const object = this.#look(key, versionId);
    await this.beforeAnswer(request);
    return infoOf(await object);
  }

  async #get(key: string, options: UfsReadOptions): Promise<UfsObject> {
    const { range: asked, ifMatch, versionId } = options;
    const request: StepRequest = { op: 'get', key, versionId, range: asked, ifMatch };
    this.requests.push(request);
    await this.beforeRead(request);
    const looked = this.#look(key, versionId);
    await this.beforeAnswer(request);
    const object = await looked;
    if (ifMatch !== undefined && ifMatch !== object.etag) {
      throw new UfsAnswerError({ status: 412, code: 'PreconditionFailed', message: 'changed' });
    }
    const resolved = resolveRange(asked, object.bytes.byteLength);
    if (resolved === 'unsatisfiable') {
      throw new UfsAnswerError({ status: 416, code: 'InvalidRange', message: 'no such range' });
    }
    const { range } = resolved;
    const info = { ...infoOf(object), checksumsKnown: asked === undefined };
    return { info, range, body: this.#body(request, object.bytes.subarray(range.start, range.endExclusive)) };
  }

  /** The store as it is at this instant; a promise, so that refusals come after the answer gate as well. */
  #look(key: string, versionId: string | undefined): Promise<StoredObject> {
    const found = this.down ? new ForebayError('ufs-unavailable', 'the store is down') : undefined;
    const object = found ?? (versionId === undefined ? this.#current(key) : this.#version(key, versionId));
    const looked = object instanceof Error ? Promise.reject(object) : Promise.resolve(object);
    looked.catch(() => {});
    return looked;
  }

  #current(key: string): StoredObject | UfsAnswerError {
    const object = this.objects.get(key);
    if (object) return object;
    const [versionId, newest] = [...this.#versionsOf(key)].at(-1) ?? [];
    const headers = [
      ['x-amz-delete-marker', 'true'] as const,
      ['x-amz-version-id', versionId ?? ''] as const,
    ];
    const absent = { status: 404, code: 'NoSuchKey', message: 'no such key' };
    return new UfsAnswerError({ ...absent, ...(newest === 'marker' && { headers }) });
  }

  #version(key: string, versionId: string): StoredObject | UfsAnswerError {
    const version = this.#versionsOf(key).get(versionId);
    if (version === 'marker') {
      return new UfsAnswerError({ status: 405, code: 'MethodNotAllowed', message: 'a delete marker' });
    }
    const absent = { status: 404, code: 'NoSuchVersion', message: 'no such version' };
    return version ?? new UfsAnswerError(absent);
  }

  #body(request: StepRequest, bytes: Buffer): AsyncIterable<Uint8Array> {
    this.bodiesOpen += 1;
    let offset = 0;
    let open = true;
    // Pieces are lent, as a store's driver lends them: spoiled when the next is asked for.
    let lent = Buffer.alloc(0);
    const close = () => {
      lent.fill(0xdb);
      if (open) this.bodiesOpen -= 1;
      open = false;
    };
    const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      if (!open || offset >= bytes.byteLength) {
        close();
        return { done: true, value: undefined };
      }
      lent.fill(0xdb);
      await this.beforePiece(request, offset);
      const value = Buffer.from(bytes.subarray(offset, offset + this.pieceBytes));
      lent = value;
      offset += value.byteLength;
      return { done: false, value };
    };
    const done = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      close();
      return { done: true, value: undefined };
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: done }) };
  }
}

function infoOf(object: StoredObject): ObjectInfo {
  return {
    sizeBytes: object.bytes.byteLength,
    etag: object.etag,
    lastModifiedMs: 1_700_000_000_000,
    versionId: object.versionId,
    headers: [['content-type', 'binary/octet-stream']],
    checksumsKnown: true,
  };
}

/** A store that ignores some of what a read asks. */
export function laxUfs(store: StepUfs, ignored: UfsReadOptions): Ufs {
  const strict = store.asUfs();
  return { ...strict, get: (key, options) => strict.get(key, { ...options, ...ignored }) };
}

/** A gate that is shut until `open` is called; `reached` resolves when somebody stands before it. */
export function gate(): { wait: () => Promise<void>; open: () => void; reached: Promise<void> } {
  let open = () => {};
  let arrive = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  return {
    wait: () => {
      arrive();
      return opened;
    },
    open: () => open(),
    reached,
  };
}
