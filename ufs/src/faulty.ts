/**
 * Wraps any Ufs with faults that a test turns on and off: held, failing, short and slow answers, and counts
 * of what was asked. Everything else goes through unchanged.
 */
import { ForebayError } from '@forebay/core/errors';
import type { Ufs } from './ufs.ts';
import { noQueue } from './ufs-queue.ts';

export type UfsMethod = Exclude<keyof Ufs, 'identity' | 'region' | 'circuit' | 'queue' | 'usedBy' | 'close'>;

export const readMethods: readonly UfsMethod[] = ['get', 'head', 'forward', 'list'];
export const writeMethods: readonly UfsMethod[] = [
  'put',
  'delete',
  'deleteMany',
  'copy',
  'createUpload',
  'uploadPart',
  'uploadPartCopy',
  'completeUpload',
  'abortUpload',
];

export interface FaultyUfs extends Ufs {
  /**
   * From now on these requests wait before they reach the store. Without a list: GET, HEAD, what is
   * forwarded, lists.
   */
  hold(methods?: readonly UfsMethod[]): void;
  /** Lets every held request go, and holds no more. */
  release(): void;
  /** Resolves once this many requests wait. */
  whenHeld(count: number): Promise<void>;
  holdReads(): void;
  releaseReads(): void;
  /**
   * The next `count` requests of these methods (all where none are named) fail without reaching the store,
   * with `error` or `ufs-unavailable`.
   */
  failNext(count: number, options?: { methods?: readonly UfsMethod[]; error?: () => Error }): void;
  /** The next `count` bodies of GETs end with `ufs-unavailable` after this many bytes. */
  cutNext(count: number, afterBytes: number): void;
  /** Awaited before each chunk of a body; undefined: no more. A test passes a gate, a demo a timer. */
  slow(beforeChunk: (() => Promise<void>) | undefined): void;
  /** Requests so far, failed and held ones too. */
  countOf(method: UfsMethod): number;
  /** GETs and what is forwarded: the requests that fetch bytes. */
  readonly readCount: number;
  /** Bytes of bodies that were handed out. */
  readonly readBytes: number;
  resetCounts(): void;
}

class Faulty implements FaultyUfs {
  readonly identity: string;
  readonly region: string;
  readonly #inner: Ufs;
  readonly #counts = new Map<UfsMethod, number>();
  #held: ReadonlySet<UfsMethod> = new Set();
  #waiting: (() => void)[] = [];
  #watchers: { count: number; reached: () => void }[] = [];
  #failures: { methods: readonly UfsMethod[] | undefined; error: () => Error; left: number }[] = [];
  #cuts: number[] = [];
  #beforeChunk: (() => Promise<void>) | undefined;
  #readBytes = 0;

  constructor(inner: Ufs) {
    this.#inner = inner;
    this.identity = inner.identity;
    this.region = inner.region;
  }

  hold(methods: readonly UfsMethod[] = readMethods): void {
    this.#held = new Set([...this.#held, ...methods]);
  }

  release(): void {
    this.#held = new Set();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  holdReads(): void {
    this.hold(readMethods);
  }

  releaseReads(): void {
    this.release();
  }

  whenHeld(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#watchers.push({ count, reached: resolve });
      this.#tellWatchers();
    });
  }

  failNext(count: number, options: { methods?: readonly UfsMethod[]; error?: () => Error } = {}): void {
    const error = options.error ?? (() => new ForebayError('ufs-unavailable', 'failed on purpose'));
    this.#failures.push({ methods: options.methods, error, left: count });
  }

  cutNext(count: number, afterBytes: number): void {
    for (let index = 0; index < count; index += 1) this.#cuts.push(afterBytes);
  }

  slow(beforeChunk: (() => Promise<void>) | undefined): void {
    this.#beforeChunk = beforeChunk;
  }

  countOf(method: UfsMethod): number {
    return this.#counts.get(method) ?? 0;
  }

  get readCount(): number {
    return this.countOf('get') + this.countOf('forward');
  }

  get readBytes(): number {
    return this.#readBytes;
  }

  resetCounts(): void {
    this.#counts.clear();
    this.#readBytes = 0;
  }

  readonly circuit = 'closed';
  readonly queue = noQueue;

  usedBy: Ufs['usedBy'] = () => this;

  head: Ufs['head'] = async (key, options) => {
    await this.#enter('head', options?.signal);
    return this.#inner.head(key, options);
  };

  get: Ufs['get'] = async (key, options) => {
    await this.#enter('get', options?.signal);
    const object = await this.#inner.get(key, options);
    return { ...object, body: this.#throttled(object.body) };
  };

  forward: Ufs['forward'] = async (request) => {
    await this.#enter('forward', request.signal);
    const answer = await this.#inner.forward(request);
    return { ...answer, body: this.#throttled(answer.body) };
  };

  list: Ufs['list'] = async (request) => {
    await this.#enter('list', request.signal);
    return this.#inner.list(request);
  };

  listVersions: Ufs['listVersions'] = async (request) => {
    await this.#enter('listVersions', request.signal);
    return this.#inner.listVersions(request);
  };

  checkBucket: Ufs['checkBucket'] = async (request) => {
    await this.#enter('checkBucket', request?.signal);
    return this.#inner.checkBucket(request);
  };

  put: Ufs['put'] = this.#passed('put', (key, upload) => this.#inner.put(key, upload));
  delete: Ufs['delete'] = this.#passed('delete', (key, options) => this.#inner.delete(key, options));
  deleteMany: Ufs['deleteMany'] = this.#passed('deleteMany', (entries, headers) =>
    this.#inner.deleteMany(entries, headers),
  );
  copy: Ufs['copy'] = this.#passed('copy', (request) => this.#inner.copy(request));
  createUpload: Ufs['createUpload'] = this.#passed('createUpload', (key, headers) =>
    this.#inner.createUpload(key, headers),
  );
  uploadPart: Ufs['uploadPart'] = this.#passed('uploadPart', (key, part) =>
    this.#inner.uploadPart(key, part),
  );
  uploadPartCopy: Ufs['uploadPartCopy'] = this.#passed('uploadPartCopy', (request) =>
    this.#inner.uploadPartCopy(request),
  );
  completeUpload: Ufs['completeUpload'] = this.#passed('completeUpload', (key, request) =>
    this.#inner.completeUpload(key, request),
  );
  abortUpload: Ufs['abortUpload'] = this.#passed('abortUpload', (...args) =>
    this.#inner.abortUpload(...args),
  );
  listParts: Ufs['listParts'] = this.#passed('listParts', (key, request) =>
    this.#inner.listParts(key, request),
  );
  listUploads: Ufs['listUploads'] = this.#passed('listUploads', (request) =>
    this.#inner.listUploads(request),
  );

  close(): Promise<void> {
    return this.#inner.close();
  }

  #passed<A extends unknown[], R>(
    method: UfsMethod,
    call: (...args: A) => Promise<R>,
  ): (...args: A) => Promise<R> {
    return async (...args) => {
      await this.#enter(method, undefined);
      return call(...args);
    };
  }

  async #enter(method: UfsMethod, signal: AbortSignal | undefined): Promise<void> {
    this.#counts.set(method, this.countOf(method) + 1);
    const failure = this.#failures.find(
      ({ methods, left }) => left > 0 && (methods?.includes(method) ?? true),
    );
    if (failure) {
      failure.left -= 1;
      throw failure.error();
    }
    if (!this.#held.has(method)) return;
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((waiter) => waiter !== resolve);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(resolve);
      this.#tellWatchers();
    });
  }

  #tellWatchers(): void {
    const reached = this.#watchers.filter(({ count }) => this.#waiting.length >= count);
    this.#watchers = this.#watchers.filter(({ count }) => this.#waiting.length < count);
    for (const watcher of reached) watcher.reached();
  }

  #throttled(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    return new FaultyBody(body, {
      leftBytes: this.#cuts.shift() ?? Number.POSITIVE_INFINITY,
      beforeChunk: async () => this.#beforeChunk?.(),
      handedOut: (sizeBytes) => {
        this.#readBytes += sizeBytes;
      },
    });
  }
}

interface BodyFaults {
  leftBytes: number;
  beforeChunk(): Promise<void>;
  handedOut(sizeBytes: number): void;
}

/** No generator: `return()` before the first `next()` must reach the body inside, or its file stays open. */
class FaultyBody implements AsyncIterableIterator<Uint8Array> {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #faults: BodyFaults;

  constructor(body: AsyncIterable<Uint8Array>, faults: BodyFaults) {
    this.#chunks = body[Symbol.asyncIterator]();
    this.#faults = faults;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const faults = this.#faults;
    await faults.beforeChunk();
    if (faults.leftBytes <= 0) return this.#cut();
    const result = await this.#chunks.next();
    if (result.done) return result;
    const chunk = result.value.subarray(0, Math.min(faults.leftBytes, result.value.byteLength));
    faults.leftBytes -= chunk.byteLength;
    faults.handedOut(chunk.byteLength);
    return { done: false, value: chunk };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    await this.#chunks.return?.();
    return { done: true, value: undefined };
  }

  async #cut(): Promise<never> {
    await this.#chunks.return?.();
    throw new ForebayError('ufs-unavailable', 'the body ended short, on purpose');
  }
}

export function faultyUfs(inner: Ufs): FaultyUfs {
  return new Faulty(inner);
}
