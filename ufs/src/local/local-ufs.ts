/**
 * S3's rules over a plain store: what the file and memory drivers share. The backend keeps bytes and
 * records; here are conditions, ranges, directives, listings and error codes. Unversioned: the only version
 * id is `null`.
 */
import { MiB } from '@forebay/core/bytes';
import type { Clock } from '@forebay/core/clock';
import { etagListMatches } from '@forebay/core/conditions';
import { assert, isUfsAnswer } from '@forebay/core/errors';
import { type HeaderList, headerValue, type ObjectInfo } from '@forebay/core/object';
import { resolveRange } from '@forebay/core/range';
import type {
  Ufs,
  UfsCopied,
  UfsCopy,
  UfsDelete,
  UfsDeleted,
  UfsForward,
  UfsForwarded,
  UfsListing,
  UfsListRequest,
  UfsObject,
  UfsReadOptions,
  UfsUpload,
  UfsVersionListing,
  UfsVersionsRequest,
  UfsWritten,
} from '../ufs.ts';
import { noQueue } from '../ufs-queue.ts';
import { checkVersionId, invalidRange, noSuchKey, preconditionFailed, selfCopy } from './answers.ts';
import type { ObjectBackend, ObjectRecord, OpenObject } from './backend.ts';
import { answerBucketSubResource } from './bucket-sub-resources.ts';
import { copiedRecord, isPlainSelfCopy } from './copy.ts';
import { answerDirectRead, checkDirectRead, refuseCustomerKey, subResourceOf } from './direct-read.ts';
import type { KeyLocks } from './key-locks.ts';
import { collectKeys, scanOf } from './listing.ts';
import { MultipartUploads } from './multipart.ts';
import { describeObject, refuseUnsupported } from './object-headers.ts';
import { answerObjectSubResource } from './object-sub-resources.ts';
import { MeasuredBody, ObjectWriter, uploadChecksums } from './object-writer.ts';
import { copied, infoOf, listEntry } from './views.ts';
import { checkCopyConditions } from './write-conditions.ts';

export interface LocalUfsOptions {
  readonly identity: string;
  readonly region: string;
  readonly backend: ObjectBackend;
  /** Shared by all that write to this store in this process. */
  readonly locks: KeyLocks;
  /** Names the store among the users of `locks`. */
  readonly lockScope: string;
  readonly clock: Clock;
  /** Of each part of an upload but the last. Default: S3's own, 5 MiB. */
  readonly partSizeBytesMin?: number | undefined;
}

export class LocalUfs implements Ufs {
  readonly identity: string;
  readonly region: string;
  readonly circuit = 'closed';
  readonly queue = noQueue;
  readonly #backend: ObjectBackend;
  readonly #writer: ObjectWriter;
  readonly #multipart: MultipartUploads;

  constructor(options: LocalUfsOptions) {
    this.identity = options.identity;
    this.region = options.region;
    this.#backend = options.backend;
    this.#writer = new ObjectWriter({
      backend: options.backend,
      locks: options.locks,
      lockScope: options.lockScope,
    });
    this.#multipart = new MultipartUploads({
      backend: options.backend,
      writer: this.#writer,
      clock: options.clock,
      partSizeBytesMin: options.partSizeBytesMin ?? 5 * MiB,
      openSource: (copy) => this.#openSource(copy),
    });
  }

  usedBy(): Ufs {
    return this;
  }

  async head(key: string, options: UfsReadOptions = {}): Promise<ObjectInfo> {
    options.signal?.throwIfAborted();
    checkVersionId(options.versionId);
    const state = await this.#writer.stateOf(key);
    if (!state) throw noSuchKey(key);
    return infoOf(state);
  }

  async get(key: string, options: UfsReadOptions = {}): Promise<UfsObject> {
    options.signal?.throwIfAborted();
    checkVersionId(options.versionId);
    refuseCustomerKey(options.headers ?? []);
    const object = await this.#open(key);
    try {
      const { ifMatch } = options;
      if (ifMatch !== undefined && !etagListMatches(ifMatch, object.record.etag, 'strong')) {
        throw preconditionFailed('If-Match');
      }
      const resolved = resolveRange(options.range, object.sizeBytes);
      if (resolved === 'unsatisfiable') throw invalidRange(undefined, object.sizeBytes);
      const body = object.read(resolved.range, options.signal);
      return { info: infoOf(object), range: resolved.range, body };
    } catch (error) {
      await object.close();
      throw error;
    }
  }

  async forward(request: UfsForward): Promise<UfsForwarded> {
    request.signal?.throwIfAborted();
    const { key, method } = request;
    const subResource = subResourceOf(request);
    if (key === undefined) {
      await this.#backend.check();
      return answerBucketSubResource(this.#backend, request, subResource ?? method);
    }
    if (subResource !== undefined || (method !== 'GET' && method !== 'HEAD')) {
      const store = { backend: this.#backend, writer: this.#writer };
      return answerObjectSubResource(store, { ...request, key }, subResource ?? method);
    }
    checkDirectRead(request);
    const object = await this.#open(key);
    return answerDirectRead(request, object, infoOf(object));
  }

  async list(request: UfsListRequest): Promise<UfsListing> {
    const cursor = this.#backend.cursor(scanOf(request));
    const { listed, truncated } = await collectKeys(cursor, request);
    const keys = listed.filter((item) => item.kind === 'key').map((item) => item.text);
    const commonPrefixes = listed.filter((item) => item.kind === 'group').map((item) => item.text);
    const states = await this.#backend.describe(keys);
    const entries = keys.flatMap((key, index) => {
      const state = states[index];
      return state ? [listEntry(key, state)] : [];
    });
    if (truncated && entries.length + commonPrefixes.length === 0) {
      // Every key of the page went away meanwhile: a page without a last key could not be continued.
      return this.list({ ...request, startAfter: listed.at(-1)!.text });
    }
    return { entries, commonPrefixes, truncated };
  }

  /** One version of each object, which is the newest: after it there is none of the same key. */
  async listVersions(request: UfsVersionsRequest): Promise<UfsVersionListing> {
    const { entries, ...rest } = await this.list(request);
    const version = { versionId: 'null', isLatest: true, deleteMarker: false } as const;
    return { entries: entries.map((entry) => ({ ...entry, ...version })), ...rest };
  }

  checkBucket(): Promise<void> {
    return this.#backend.check();
  }

  async put(key: string, upload: UfsUpload): Promise<UfsWritten> {
    refuseUnsupported(upload.headers);
    const described = describeObject(upload.headers);
    const body = new MeasuredBody(upload);
    let checksums: HeaderList = [];
    const record = (): ObjectRecord => {
      checksums = withChecksumType(uploadChecksums(upload));
      return { ...described, etag: body.etag, headers: [...described.headers, ...checksums] };
    };
    const state = await this.#writer.write({ key, body, headers: upload.headers, record });
    return { headers: [['etag', state.record.etag], ...checksums] };
  }

  async delete(
    key: string,
    options: { versionId?: string | undefined; headers: HeaderList },
  ): Promise<UfsWritten> {
    await this.#delete({ key, versionId: options.versionId, etag: headerValue(options.headers, 'if-match') });
    return { headers: [] };
  }

  async deleteMany(entries: readonly UfsDelete[]): Promise<readonly UfsDeleted[]> {
    const deleted: UfsDeleted[] = [];
    for (const entry of entries) {
      const named = { key: entry.key, versionId: entry.versionId };
      try {
        await this.#delete(entry);
        deleted.push(named);
      } catch (error) {
        if (!isUfsAnswer(error)) throw error;
        const { code, message } = error.answer;
        deleted.push({ ...named, error: { code, message } });
      }
    }
    return deleted;
  }

  async #delete({ key, versionId, etag }: UfsDelete): Promise<void> {
    checkVersionId(versionId);
    await this.#writer.locked(key, async () => {
      if (etag !== undefined) {
        // An object that is gone meets the condition: the delete has nothing left to do.
        const current = await this.#writer.stateOf(key);
        if (current && !etagListMatches(etag, current.record.etag, 'strong')) {
          throw preconditionFailed('If-Match');
        }
      }
      await this.#backend.remove(key);
    });
  }

  async copy(request: UfsCopy): Promise<UfsCopied> {
    refuseUnsupported(request.headers);
    if (isPlainSelfCopy(request)) throw selfCopy();
    const source = await this.#openSource(request);
    const range = { start: 0, endExclusive: source.sizeBytes };
    try {
      const described = copiedRecord(source.record, request.headers);
      const body = new MeasuredBody({ body: source.read(range, undefined), sizeBytes: source.sizeBytes });
      const record = (): ObjectRecord => ({ ...described, etag: body.etag });
      const state = await this.#writer.write({ key: request.key, body, headers: request.headers, record });
      return copied(state);
    } finally {
      await source.close();
    }
  }

  createUpload(key: string, headers: HeaderList): Promise<UfsWritten & { readonly uploadId: string }> {
    return this.#multipart.create(key, headers);
  }

  uploadPart: Ufs['uploadPart'] = (key, part) => this.#multipart.uploadPart(key, part);
  uploadPartCopy: Ufs['uploadPartCopy'] = (request) => this.#multipart.uploadPartCopy(request);
  completeUpload: Ufs['completeUpload'] = (key, request) => this.#multipart.complete(key, request);
  abortUpload: Ufs['abortUpload'] = (key, uploadId) => this.#multipart.abort(key, uploadId);
  listParts: Ufs['listParts'] = (key, request) => this.#multipart.listParts(key, request);
  listUploads: Ufs['listUploads'] = (request) => this.#multipart.listUploads(request);

  close(): Promise<void> {
    return this.#backend.close();
  }

  async #open(key: string): Promise<OpenObject> {
    const object = await this.#backend.open(key);
    if (!object) throw noSuchKey(key);
    return object;
  }

  /** The source of a copy, its conditions met. */
  async #openSource(copy: UfsCopy): Promise<OpenObject> {
    assert(copy.sourceBucket === undefined, 'a local UFS is one bucket');
    checkVersionId(copy.sourceVersionId);
    const source = await this.#open(copy.sourceKey);
    try {
      checkCopyConditions(copy.headers, infoOf(source));
      return source;
    } catch (error) {
      await source.close();
      throw error;
    }
  }
}

/** The checksum of a single put always covers the whole object. */
function withChecksumType(checksums: HeaderList): HeaderList {
  return checksums.length === 0 ? [] : [...checksums, ['x-amz-checksum-type', 'FULL_OBJECT']];
}
