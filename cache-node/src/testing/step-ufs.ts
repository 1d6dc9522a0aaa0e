/**
 * A UFS of a few objects whose every step a test can hold: when a request is looked at, when its answer
 * goes out, and each piece of a body. It counts what reached it. Only what a cache node calls is there.
 */
import { createHash } from 'node:crypto';
import { ForebayError, UfsAnswerError } from '@forebay/core/errors';
import type { ObjectInfo } from '@forebay/core/object';
import { resolveRange } from '@forebay/core/range';
import type { Ufs, UfsObject, UfsReadOptions } from '@forebay/ufs/ufs';

export interface StepRequest {
  readonly op: 'get' | 'head';
  readonly key: string;
  readonly range: UfsReadOptions['range'];
  readonly ifMatch: string | undefined;
}

type Gate = (request: StepRequest) => Promise<void> | undefined;

export class StepUfs {
  readonly objects = new Map<string, { bytes: Buffer; etag: string | undefined }>();
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

  count(op: 'get' | 'head'): number {
    return this.requests.filter((request) => request.op === op).length;
  }

  asUfs(): Ufs {
    const unused = () => Promise.reject(new Error('a cache node never calls this'));
    return {
      identity: 'step:lake',
      region: 'us-east-1',
      head: (key) => this.#head(key),
      get: (key, options = {}) => this.#get(key, options),
      forward: unused,
      list: unused,
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
  }

  async #head(key: string): Promise<ObjectInfo> {
    const request: StepRequest = { op: 'head', key, range: undefined, ifMatch: undefined };
    this.requests.push(request);
    await this.beforeRead(request);
    const object = this.#look(key);
    await this.beforeAnswer(request);
    return infoOf(await object);
  }

  async #get(key: string, options: UfsReadOptions): Promise<UfsObject> {
    const request: StepRequest = { op: 'get', key, range: options.range, ifMatch: options.ifMatch };
    this.requests.push(request);
    await this.beforeRead(request);
    const looked = this.#look(key);
    await this.beforeAnswer(request);
    const object = await looked;
    if (options.ifMatch !== undefined && options.ifMatch !== object.etag) {
      throw new UfsAnswerError({ status: 412, code: 'PreconditionFailed', message: 'changed' });
    }
    const resolved = resolveRange(options.range, object.bytes.byteLength);
    if (resolved === 'unsatisfiable') {
      throw new UfsAnswerError({ status: 416, code: 'InvalidRange', message: 'no such range' });
    }
    const { range } = resolved;
    const info = { ...infoOf(object), checksumsKnown: options.range === undefined };
    return { info, range, body: this.#body(request, object.bytes.subarray(range.start, range.endExclusive)) };
  }

  /** The store as it is at this instant; a promise, so that refusals come after the answer gate as well. */
  #look(key: string): Promise<{ bytes: Buffer; etag: string | undefined }> {
    const object = this.objects.get(key);
    const looked = this.down
      ? Promise.reject(new ForebayError('ufs-unavailable', 'the store is down'))
      : object
        ? Promise.resolve(object)
        : Promise.reject(new UfsAnswerError({ status: 404, code: 'NoSuchKey', message: 'no such key' }));
    looked.catch(() => {});
    return looked;
  }

  #body(request: StepRequest, bytes: Buffer): AsyncIterable<Uint8Array> {
    this.bodiesOpen += 1;
    let offset = 0;
    let open = true;
    const close = () => {
      if (open) this.bodiesOpen -= 1;
      open = false;
    };
    const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      if (!open || offset >= bytes.byteLength) {
        close();
        return { done: true, value: undefined };
      }
      await this.beforePiece(request, offset);
      const value = Buffer.from(bytes.subarray(offset, offset + this.pieceBytes));
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

function infoOf(object: { bytes: Buffer; etag: string | undefined }): ObjectInfo {
  return {
    sizeBytes: object.bytes.byteLength,
    etag: object.etag,
    lastModifiedMs: 1_700_000_000_000,
    versionId: undefined,
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
