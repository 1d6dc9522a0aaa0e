/**
 * CONTRACT Ufs: a real store behind a mount. Keys are whole UFS keys (the mount's prefix included), any
 * string that S3 allows. Every method throws `UfsAnswerError` where the store answers with an error (its
 * own status, code and message) and `ForebayError('ufs-unavailable')` where no usable answer came; a write
 * that was sent and got no answer throws `ForebayError('state-unknown')`. Writes are never repeated once
 * sent; reads may be retried before the first byte. ufs.contract.ts is the suite that every driver
 * passes.
 */
import type { HeaderList, ObjectInfo } from '@forebay/core/object';
import type { ByteRange, RangeRequest } from '@forebay/core/range';
import type { UfsOrigin } from './ufs-origin.ts';
import type { UfsQueue } from './ufs-queue.ts';
import type { UfsBucketRead } from './ufs-service.ts';
import type { CircuitState, UfsUse } from './ufs-use.ts';

export interface UfsReadOptions {
  readonly range?: RangeRequest | undefined;
  /** The version to read; the current one without it. An answer that names another is refused. */
  readonly versionId?: string | undefined;
  /**
   * Strong ETag: the store should answer 412 for any other version. The caller checks the answer all the
   * same.
   */
  readonly ifMatch?: string | undefined;
  /** The version that is wanted, where it is known: others than the store may have its bytes. */
  readonly known?: ObjectInfo | undefined;
  /** S3 request headers that the store understands: a customer's key (SSE-C), who pays. */
  readonly headers?: HeaderList | undefined;
  /** No client waits for it: it is not sent a second time because its answer is late. */
  readonly patient?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UfsObject {
  readonly info: ObjectInfo;
  /** What `body` holds: what the store says it sends, which may be more than was asked. */
  readonly range: ByteRange;
  /**
   * The bytes, exactly as many as `range` says: fewer or more throws `ufs-unavailable`. Back-pressured:
   * nothing is read ahead of the consumer but a piece and socket buffers. A piece is valid until the next
   * one is asked for or the body returned, as buffers are used again: who needs it longer copies it. Must be
   * consumed or `return()`ed, which closes the connection.
   */
  readonly body: AsyncIterable<Uint8Array>;
  /** Of the piece that was handed out last, and before the first of the one to come. Absent: the store. */
  readonly origin?: (() => UfsOrigin) | undefined;
}

/**
 * A request that goes to the store as it is, but for its signature, which is the mount's own: sub-resources,
 * and reads that are not cached (partNumber, SSE-C, ...).
 */
export interface UfsForward {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /**
   * A `read` may be repeated before its answer begins, and its answer streams. A `write` is sent once; its
   * answer is read to the end before it is handed out, and is `state-unknown` where none came.
   */
  readonly effect: 'read' | 'write';
  /** Undefined: the bucket itself. */
  readonly key?: string | undefined;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: HeaderList;
  /** A document, whole: all that its sender announced of it holds before the store sees any of it. */
  readonly body?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UfsForwarded {
  readonly status: number;
  readonly headers: HeaderList;
  /** As `UfsObject.body`: a piece is valid until the next one is asked for. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Body of a write. `sizeBytes` is exact. Where the iterator throws, nothing may be stored. Its pieces are the
 * driver's to keep until they are sent: they stay as they are.
 */
export interface UfsUpload {
  readonly sizeBytes: number;
  readonly body: AsyncIterable<Uint8Array>;
  /** Told of pieces, or parts, that are out. Their memory, and that of all before, is freed then. */
  readonly release?: ((bytes: Uint8Array) => void) | undefined;
  /**
   * Object headers and S3 request headers that the store understands: content-type, x-amz-meta-*, if-match,
   * ...
   */
  readonly headers: HeaderList;
  /** Of the body, lower-case hex, where it is known: a body that has another throws before its end. */
  readonly sha256?: string | undefined;
  /** A checksum that is known only once the body has ended (it came as a trailer). */
  readonly trailer?: { readonly name: string; value(): string } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Answer to a write: headers for the client (etag, x-amz-version-id, x-amz-checksum-*, SSE, ...). */
export interface UfsWritten {
  readonly headers: HeaderList;
}

export interface UfsListRequest {
  readonly prefix: string;
  readonly delimiter?: string | undefined;
  /** Exclusive; keys and common prefixes up to and including this text are left out. */
  readonly startAfter?: string | undefined;
  readonly maxKeys: number;
  readonly headers?: HeaderList | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UfsListEntry {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string | undefined;
  readonly lastModifiedMs: number;
  readonly storageClass: string;
  readonly checksumAlgorithms?: readonly string[] | undefined;
  readonly checksumType?: string | undefined;
}

export interface UfsListing {
  /** In UTF-8 byte order. */
  readonly entries: readonly UfsListEntry[];
  /** In UTF-8 byte order. */
  readonly commonPrefixes: readonly string[];
  readonly truncated: boolean;
}

export interface UfsVersionsRequest extends UfsListRequest {
  /** Of the key `startAfter`: the versions after this one come first. Without it none of that key do. */
  readonly startAfterVersion?: string | undefined;
}

interface NamedVersion {
  readonly key: string;
  /** `null` where the object has none. */
  readonly versionId: string;
  readonly isLatest: boolean;
}

export type UfsVersion =
  | (UfsListEntry & NamedVersion & { readonly deleteMarker: false })
  | (NamedVersion & { readonly lastModifiedMs: number; readonly deleteMarker: true });

export interface UfsVersionListing {
  /** In UTF-8 byte order of the keys, newest first within one. */
  readonly entries: readonly UfsVersion[];
  /** In UTF-8 byte order. */
  readonly commonPrefixes: readonly string[];
  readonly truncated: boolean;
}

export interface UfsCopy {
  /** Another bucket of the same store, where its UfsService has made this Ufs; undefined: its own. */
  readonly sourceBucket?: string | undefined;
  readonly sourceKey: string;
  readonly sourceVersionId?: string | undefined;
  readonly key: string;
  /** metadata directive, new metadata, conditions (x-amz-copy-source-if-*), ... */
  readonly headers: HeaderList;
}

/** Copy and complete answer with elements as well as headers. */
export interface UfsCopied extends UfsWritten {
  readonly etag: string | undefined;
  readonly lastModifiedMs: number;
  /** `['ChecksumCRC32', value]`, ... and `['ChecksumType', value]`. */
  readonly checksums: readonly (readonly [element: string, value: string])[];
}

export interface UfsDelete {
  readonly key: string;
  readonly versionId?: string | undefined;
  readonly etag?: string | undefined;
}

export type UfsDeleted =
  | {
      readonly key: string;
      readonly versionId?: string | undefined;
      readonly deleteMarker?: boolean | undefined;
      readonly deleteMarkerVersionId?: string | undefined;
    }
  | {
      readonly key: string;
      readonly versionId?: string | undefined;
      readonly error: { readonly code: string; readonly message: string };
    };

export interface UfsPartRef {
  readonly partNumber: number;
  readonly etag: string;
  /** `['ChecksumCRC32', value]`, ... as the client listed them. */
  readonly checksums: readonly (readonly [element: string, value: string])[];
}

export interface UfsPart {
  readonly partNumber: number;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly lastModifiedMs: number;
  readonly checksums: readonly (readonly [element: string, value: string])[];
}

export interface UfsPartsRequest {
  readonly uploadId: string;
  readonly partNumberMarker: number;
  readonly maxParts: number;
  readonly headers?: HeaderList | undefined;
}

export interface UfsPartList {
  readonly parts: readonly UfsPart[];
  readonly truncated: boolean;
  readonly nextPartNumberMarker: number | undefined;
  readonly storageClass: string;
  readonly checksumAlgorithm?: string | undefined;
  readonly checksumType?: string | undefined;
}

export interface UfsUploadList {
  readonly uploads: readonly {
    readonly key: string;
    readonly uploadId: string;
    readonly initiatedMs: number;
    readonly storageClass: string;
    readonly checksumAlgorithm?: string | undefined;
    readonly checksumType?: string | undefined;
  }[];
  readonly commonPrefixes: readonly string[];
  readonly truncated: boolean;
  readonly nextKeyMarker: string | undefined;
  readonly nextUploadIdMarker: string | undefined;
}

export interface Ufs {
  /** `ufsIdentityOf(location)`. */
  readonly identity: string;
  /** Region to tell clients; `us-east-1` where the store has none. */
  readonly region: string;

  readonly circuit: CircuitState;
  readonly queue: UfsQueue;

  /** The same store over the same connections. Where there is no network it is this Ufs itself. */
  usedBy(use: UfsUse): Ufs;

  head(key: string, options?: Pick<UfsReadOptions, 'versionId' | 'signal'>): Promise<ObjectInfo>;
  get(key: string, options?: UfsReadOptions): Promise<UfsObject>;
  /** @throws UfsAnswerError 501 NotImplemented where the store cannot. */
  forward(request: UfsForward): Promise<UfsForwarded>;
  list(request: UfsListRequest): Promise<UfsListing>;
  /** Every version and delete marker. */
  listVersions(request: UfsVersionsRequest): Promise<UfsVersionListing>;
  /** HeadBucket: resolves where the bucket or directory can be reached. */
  checkBucket(request?: UfsBucketRead): Promise<void>;

  put(key: string, upload: UfsUpload): Promise<UfsWritten>;
  delete(key: string, options: { versionId?: string | undefined; headers: HeaderList }): Promise<UfsWritten>;
  /** One answer per entry, in any order. At most 1,000 entries. */
  deleteMany(entries: readonly UfsDelete[], headers: HeaderList): Promise<readonly UfsDeleted[]>;
  /** Within this UFS. */
  copy(request: UfsCopy): Promise<UfsCopied>;

  createUpload(key: string, headers: HeaderList): Promise<UfsWritten & { readonly uploadId: string }>;
  uploadPart(
    key: string,
    part: UfsUpload & { readonly uploadId: string; readonly partNumber: number },
  ): Promise<UfsWritten>;
  uploadPartCopy(
    request: UfsCopy & {
      readonly uploadId: string;
      readonly partNumber: number;
      readonly sourceRange?: ByteRange | undefined;
    },
  ): Promise<UfsCopied>;
  completeUpload(
    key: string,
    request: { uploadId: string; parts: readonly UfsPartRef[]; headers: HeaderList },
  ): Promise<UfsCopied>;
  abortUpload(key: string, uploadId: string, headers?: HeaderList): Promise<void>;
  listParts(key: string, request: UfsPartsRequest): Promise<UfsPartList>;
  listUploads(request: {
    prefix: string;
    delimiter?: string | undefined;
    keyMarker?: string | undefined;
    uploadIdMarker?: string | undefined;
    maxUploads: number;
    headers?: HeaderList | undefined;
  }): Promise<UfsUploadList>;

  /** Frees sockets and files. */
  close(): Promise<void>;
}
