/**
 * CONTRACT UfsService: the store behind a pattern mount, with all of its buckets. Errors are as a Ufs throws
 * them, and as there a write is sent once. ufs-service.contract.ts is the suite that every driver passes.
 */
import type { HeaderList } from '@forebay/core/object';
import type { Ufs, UfsWritten } from './ufs.ts';

export interface UfsBucket {
  readonly name: string;
  readonly createdAtMs: number;
  /** Where the store says it. */
  readonly region: string | undefined;
}

export interface UfsBucketPage {
  /** In no order that can be relied on. */
  readonly buckets: readonly UfsBucket[];
  /** There is more; to be given back. */
  readonly nextToken: string | undefined;
}

export interface UfsBucketRead {
  /** S3 request headers that the store understands: x-amz-expected-bucket-owner. */
  readonly headers?: HeaderList | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UfsBucketCreation {
  /** x-amz-acl, x-amz-bucket-object-lock-enabled, x-amz-object-ownership, ... */
  readonly headers: HeaderList;
  /** The client's CreateBucketConfiguration. */
  readonly body: Uint8Array | undefined;
}

export interface UfsService {
  /** Region to tell clients of a bucket of which the store says none. */
  readonly region: string;

  /** One bucket, whether or not it is there. Cheap: all of them share the store's connections. */
  bucket(name: string): Ufs;
  listBuckets(request: {
    prefix: string;
    token?: string | undefined;
    signal?: AbortSignal | undefined;
  }): Promise<UfsBucketPage>;
  headBucket(name: string, request?: UfsBucketRead): Promise<{ readonly region: string | undefined }>;
  /** The LocationConstraint: empty for us-east-1. */
  bucketLocation(name: string, request?: UfsBucketRead): Promise<string>;
  createBucket(name: string, request: UfsBucketCreation): Promise<UfsWritten>;
  /** @throws UfsAnswerError 409 BucketNotEmpty, 404 NoSuchBucket */
  deleteBucket(name: string, request: { headers: HeaderList }): Promise<UfsWritten>;

  /** Frees the connections of the store and of all its buckets. */
  close(): Promise<void>;
}
