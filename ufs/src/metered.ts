/**
 * Counts what really goes to a UFS, per mount: requests by operation and status, and body bytes read from
 * it.
 */
import { ForebayError, UfsAnswerError } from '@forebay/core/errors';
import type { Metrics } from '@forebay/core/metrics';
import type { Ufs } from './ufs.ts';
import type { UfsService } from './ufs-service.ts';

export type UfsMetrics = ReturnType<typeof declareUfsMetrics>;

export function declareUfsMetrics(metrics: Metrics) {
  return {
    requests: metrics.counter<'mount' | 'op' | 'status'>({
      name: 'forebay_ufs_requests_total',
      help:
        'Requests to the UFS by mount, operation and status (ok, the HTTP status of an error answer, or ' +
        'unavailable). Few per request served is what a cache is for.',
      labels: ['mount', 'op', 'status'],
    }),
    bytes: metrics.counter<'mount'>({
      name: 'forebay_ufs_bytes_total',
      help: 'Bytes of object bodies read from the UFS by mount. Far above the bytes served: read amplification.',
      labels: ['mount'],
    }),
    uploadsAborted: metrics.counter<'mount'>({
      name: 'forebay_uploads_aborted_total',
      help:
        'Multipart uploads aborted by mount because nobody touched them for its abortUploadsAfter. Steadily ' +
        'rising: a writer gives up its uploads; the log names their keys.',
      labels: ['mount'],
    }),
  };
}

/** The same UFS, counted under the mount's path. */
export function meteredUfs(ufs: Ufs, mountPath: string, metrics: UfsMetrics): Ufs {
  const count = counting(mountPath, metrics);
  const countBytes = (bytes: number) => metrics.bytes.inc({ mount: mountPath }, bytes);
  const get = count('get', ufs.get.bind(ufs));
  const forward = count('forward', ufs.forward.bind(ufs));
  return {
    identity: ufs.identity,
    region: ufs.region,
    get: async (key, options) => {
      const opened = await get(key, options);
      return { ...opened, body: new CountedBody(opened.body, countBytes) };
    },
    forward: async (request) => {
      const answer = await forward(request);
      return { ...answer, body: new CountedBody(answer.body, countBytes) };
    },
    head: count('head', ufs.head.bind(ufs)),
    list: count('list', ufs.list.bind(ufs)),
    listVersions: count('list_versions', ufs.listVersions.bind(ufs)),
    checkBucket: count('check_bucket', ufs.checkBucket.bind(ufs)),
    put: count('put', ufs.put.bind(ufs)),
    delete: count('delete', ufs.delete.bind(ufs)),
    deleteMany: count('delete_many', ufs.deleteMany.bind(ufs)),
    copy: count('copy', ufs.copy.bind(ufs)),
    createUpload: count('create_upload', ufs.createUpload.bind(ufs)),
    uploadPart: count('upload_part', ufs.uploadPart.bind(ufs)),
    uploadPartCopy: count('upload_part_copy', ufs.uploadPartCopy.bind(ufs)),
    completeUpload: count('complete_upload', ufs.completeUpload.bind(ufs)),
    abortUpload: count('abort_upload', ufs.abortUpload.bind(ufs)),
    listParts: count('list_parts', ufs.listParts.bind(ufs)),
    listUploads: count('list_uploads', ufs.listUploads.bind(ufs)),
    close: () => ufs.close(),
  };
}

/** The same service, its own requests counted under the pattern's path; its buckets are counted apart. */
export function meteredService(service: UfsService, mountPath: string, metrics: UfsMetrics): UfsService {
  const count = counting(mountPath, metrics);
  return {
    region: service.region,
    bucket: (name) => service.bucket(name),
    listBuckets: count('list_buckets', service.listBuckets.bind(service)),
    headBucket: count('check_bucket', service.headBucket.bind(service)),
    bucketLocation: count('bucket_location', service.bucketLocation.bind(service)),
    createBucket: count('create_bucket', service.createBucket.bind(service)),
    deleteBucket: count('delete_bucket', service.deleteBucket.bind(service)),
    close: () => service.close(),
  };
}

function counting(mountPath: string, metrics: UfsMetrics) {
  return <A extends unknown[], R>(op: string, call: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      try {
        const answer = await call(...args);
        metrics.requests.inc({ mount: mountPath, op, status: 'ok' });
        return answer;
      } catch (error) {
        metrics.requests.inc({ mount: mountPath, op, status: statusOf(error) });
        throw error;
      }
    };
  };
}

function statusOf(error: unknown): string {
  if (error instanceof UfsAnswerError) return String(error.answer.status);
  return error instanceof ForebayError ? 'unavailable' : 'error';
}

class CountedBody implements AsyncIterableIterator<Uint8Array> {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #count: (bytes: number) => void;

  constructor(body: AsyncIterable<Uint8Array>, count: (bytes: number) => void) {
    this.#iterator = body[Symbol.asyncIterator]();
    this.#count = count;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const piece = await this.#iterator.next();
    if (!piece.done) this.#count(piece.value.byteLength);
    return piece;
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    await this.#iterator.return?.();
    return { done: true, value: undefined };
  }
}
