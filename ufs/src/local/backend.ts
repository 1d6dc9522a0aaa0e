/**
 * CONTRACT ObjectBackend: what a plain store of bytes does so that LocalUfs can give it S3's rules. A
 * backend keeps a record beside each object and replaces both at once; it knows nothing of conditions,
 * directives or error codes but these: `NoSuchBucket` where the whole store is gone, `AccessDenied`, and
 * `ufs-unavailable`.
 */
import type { HeaderList } from '@forebay/core/object';
import type { ByteRange } from '@forebay/core/range';
import type { KeyCursor, KeyScan } from './listing.ts';

/** A part's place in a finished multipart object, in order of completion. */
export interface PartExtent {
  readonly sizeBytes: number;
  /** `x-amz-checksum-*`. */
  readonly checksums: HeaderList;
}

export interface ObjectRecord {
  /** Quoted and strong. */
  readonly etag: string;
  /** What a client sees again: content-type, x-amz-meta-*, x-amz-checksum-*, x-amz-tagging-count, ... */
  readonly headers: HeaderList;
  /** As `x-amz-tagging` had it. */
  readonly tagging?: string | undefined;
  /** Of a multipart object, and the upload that made it. */
  readonly parts?: readonly PartExtent[] | undefined;
  readonly uploadId?: string | undefined;
}

export interface ObjectState {
  readonly sizeBytes: number;
  /** Whole seconds. */
  readonly lastModifiedMs: number;
  readonly record: ObjectRecord;
}

/** One version of an object, held open: it must be read or closed. */
export interface OpenObject extends ObjectState {
  /**
   * Takes the object over: the stream, consumed or `return()`ed, closes it.
   * The stream throws `version-changed`, before its last bytes, where this version did not last.
   */
  read(range: ByteRange, signal: AbortSignal | undefined): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Bytes that are stored durably and belong to no key yet. */
export interface StagedBytes {
  readonly lastModifiedMs: number;
  /** Becomes the object, all at once; the caller holds the key's lock. */
  commit(key: string, record: ObjectRecord): Promise<ObjectState>;
  /** Becomes the part, in place of one of the same number; the caller holds the upload's lock. */
  commitPart(uploadId: string, part: PartRecord): Promise<void>;
  /** Does nothing after a commit. */
  discard(): Promise<void>;
}

export interface UploadRecord {
  /** Sorts by time of initiation. */
  readonly uploadId: string;
  readonly key: string;
  readonly initiatedMs: number;
  readonly headers: HeaderList;
  readonly tagging?: string | undefined;
  readonly checksumAlgorithm?: string | undefined;
  readonly checksumType?: string | undefined;
}

export interface PartRecord extends PartExtent {
  readonly partNumber: number;
  readonly etag: string;
  readonly lastModifiedMs: number;
}

export interface UploadBackend {
  create(upload: UploadRecord): Promise<void>;
  find(uploadId: string): Promise<UploadRecord | undefined>;
  /** In any order. */
  list(): Promise<readonly UploadRecord[]>;
  /** By part number, ascending; of a page, those after a number, at most so many. */
  parts(
    uploadId: string,
    page?: { readonly after: number; readonly countMax: number },
  ): Promise<readonly PartRecord[]>;
  readPart(uploadId: string, part: PartRecord): AsyncIterable<Uint8Array>;
  remove(uploadId: string): Promise<void>;
}

/** Documents that configure the store as a whole, by name (`cors`). */
export interface ConfigurationBackend {
  read(name: string): Promise<Uint8Array | undefined>;
  /** All at once and durably; undefined: removed. */
  write(name: string, document: Uint8Array | undefined): Promise<void>;
}

export interface ObjectBackend {
  readonly uploads: UploadBackend;
  readonly configuration: ConfigurationBackend;
  /** @throws UfsAnswerError NoSuchBucket */
  check(): Promise<void>;
  open(key: string): Promise<OpenObject | undefined>;
  /**
   * Stores the bytes durably; where the body throws, its error comes out unchanged and nothing is left
   * behind.
   */
  stage(body: AsyncIterable<Uint8Array>): Promise<StagedBytes>;
  /**
   * Puts another record beside the same bytes, all at once; ETag and time stay. The caller holds the key's
   * lock. Undefined where the object is gone.
   */
  rewrite(key: string, change: (record: ObjectRecord) => ObjectRecord): Promise<ObjectState | undefined>;
  /** The caller holds the key's lock. No matter whether the key exists. */
  remove(key: string): Promise<void>;
  cursor(scan: KeyScan): KeyCursor;
  /** Undefined for a key that went away since the cursor named it. */
  describe(keys: readonly string[]): Promise<readonly (ObjectState | undefined)[]>;
  close(): Promise<void>;
}
