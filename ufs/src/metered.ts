/**
 * Counts what really goes to a UFS, per mount: requests by operation and status, and body bytes read from
 * it.
 */
import { ForebayError, UfsAnswerError } from '@forebay/core/errors';
import type { Metrics } from '@forebay/core/metrics';
import type { Mount } from '@forebay/core/mount';
import { asChild, spanNow } from '@forebay/core/tracing';
import type { Ufs } from './ufs.ts';
import type { UfsService } from './ufs-service.ts';
import type { CircuitState, UfsUse } from './ufs-use.ts';

export type UfsMetrics = ReturnType<typeof declareUfsMetrics>;

export function declareUfsMetrics(metrics: Metrics) {
  return {
    requests: metrics.counter<'mount' | 'op' | 'status'>({
      name: 'forebay_ufs_requests_total',
      help:
        'Requests to the UFS by mount, operation and status (ok, the HTTP status of an error answer, or ' +
        'unavailable). What was sent again is here as well, as op retry, and what was sent a second time because ' +
        'the first was late as op hedge. Few per request served is what a cache is for.',
      labels: ['mount', 'op', 'status'],
    }),
    seconds: metrics.histogram<'mount' | 'op'>({
      name: 'forebay_ufs_request_seconds',
      help: 'Time until the UFS answered, retries included, by mount and operation. Of reads: until the head.',
      labels: ['mount', 'op'],
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
    }),
    retries: metrics.counter<'mount' | 'reason'>({
      name: 'forebay_ufs_retries_total',
      help:
        'Reads sent again by mount and reason (reset: no answer; else the status of the answer). Rising: the ' +
        'UFS is overloaded or the network is bad.',
      labels: ['mount', 'reason'],
    }),
    hedges: metrics.counter<'mount' | 'result'>({
      name: 'forebay_ufs_hedges_total',
      help:
        'Reads sent a second time because the first answer was late, by mount and result (won: the second ' +
        'answered first, lost: it did not, failed: neither did). Hardly any won: turn hedging off.',
      labels: ['mount', 'result'],
    }),
    bytes: metrics.counter<'mount'>({
      name: 'forebay_ufs_bytes_total',
      help: 'Bytes of object bodies read from the UFS by mount. Far above the bytes served: read amplification.',
      labels: ['mount'],
    }),
    written: metrics.counter<'mount'>({
      name: 'forebay_ufs_written_bytes_total',
      help:
        'Bytes of objects and parts that the UFS has taken, by mount. Beside forebay_ufs_bytes_total: whether a ' +
        'mount is read or written.',
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

/** @param circuitsOf how each mount's UFS answers now */
export function declareCircuits(metrics: Metrics, circuitsOf: () => ReadonlyMap<string, CircuitState>): void {
  metrics.gauge<'mount'>(
    {
      name: 'forebay_ufs_circuit_state',
      help:
        'Whether the UFS of a mount is asked: 0 yes, 1 one request tries it, 2 not for a while, as it does not ' +
        'answer. What is cached is served meanwhile. Above 0: look at the UFS.',
      labels: ['mount'],
      merge: 'max',
    },
    (gauge) => {
      gauge.reset();
      for (const [mount, state] of circuitsOf()) gauge.set({ mount }, circuitNumbers[state]);
    },
  );
}

/** @param waitingOf how many requests wait at each mount's UFS */
export function declareUfsWaiting(metrics: Metrics, waitingOf: () => ReadonlyMap<string, number>): void {
  metrics.gauge<'mount'>(
    {
      name: 'forebay_ufs_requests_waiting',
      help:
        'Requests that wait for a connection to the UFS of a mount; mounts of one UFS share its connections. ' +
        'Above 0 for long: the UFS is slow, or raise ufsConnectionsMax.',
      labels: ['mount'],
    },
    (gauge) => {
      gauge.reset();
      for (const [mount, waiting] of waitingOf()) gauge.set({ mount }, waiting);
    },
  );
}

const circuitNumbers: Readonly<Record<CircuitState, number>> = { closed: 0, 'half-open': 1, open: 2 };

/** The same UFS, as one mount uses it: counted under the mount's path. */
export function meteredUfs(
  store: Ufs,
  { path: mountPath, hedge = true }: Pick<Mount, 'path' | 'hedge'>,
  metrics: UfsMetrics,
): Ufs {
  const ufs = store.usedBy(useOf(mountPath, hedge, metrics));
  const count = counting(mountPath, metrics);
  const countBytes = (bytes: number) => metrics.bytes.inc({ mount: mountPath }, bytes);
  const countWritten = (bytes: number) => metrics.written.inc({ mount: mountPath }, bytes);
  const put = count('put', ufs.put.bind(ufs));
  const uploadPart = count('upload_part', ufs.uploadPart.bind(ufs));
  const get = count('get', ufs.get.bind(ufs));
  const forward = count('forward', ufs.forward.bind(ufs));
  return {
    identity: ufs.identity,
    region: ufs.region,
    get circuit() {
      return ufs.circuit;
    },
    queue: ufs.queue,
    usedBy: (use) => ufs.usedBy(use),
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
    put: async (key, upload) => {
      const written = await put(key, upload);
      countWritten(upload.sizeBytes);
      return written;
    },
    delete: count('delete', ufs.delete.bind(ufs)),
    deleteMany: count('delete_many', ufs.deleteMany.bind(ufs)),
    copy: count('copy', ufs.copy.bind(ufs)),
    createUpload: count('create_upload', ufs.createUpload.bind(ufs)),
    uploadPart: async (key, part) => {
      const written = await uploadPart(key, part);
      countWritten(part.sizeBytes);
      return written;
    },
    uploadPartCopy: count('upload_part_copy', ufs.uploadPartCopy.bind(ufs)),
    completeUpload: count('complete_upload', ufs.completeUpload.bind(ufs)),
    abortUpload: count('abort_upload', ufs.abortUpload.bind(ufs)),
    listParts: count('list_parts', ufs.listParts.bind(ufs)),
    listUploads: count('list_uploads', ufs.listUploads.bind(ufs)),
    close: () => ufs.close(),
  };
}

function useOf(mount: string, hedges: boolean, { requests, ...metrics }: UfsMetrics): UfsUse {
  return {
    hedges,
    onRetry: (reason) => {
      spanNow()?.event('retry', { 'forebay.reason': reason });
      metrics.retries.inc({ mount, reason });
      requests.inc({ mount, op: 'retry', status: reason });
    },
    onHedge: (result) => {
      spanNow()?.event('hedge', { 'forebay.result': result });
      metrics.hedges.inc({ mount, result });
      requests.inc({ mount, op: 'hedge', status: result === 'failed' ? 'unavailable' : 'ok' });
    },
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
      const startedMs = performance.now();
      try {
        const answer = await inTrace(op, mountPath, () => call(...args));
        metrics.requests.inc({ mount: mountPath, op, status: 'ok' });
        return answer;
      } catch (error) {
        metrics.requests.inc({ mount: mountPath, op, status: statusOf(error) });
        throw error;
      } finally {
        metrics.seconds.observe({ mount: mountPath, op }, (performance.now() - startedMs) / 1000);
      }
    };
  };
}

function inTrace<R>(op: string, mountPath: string, call: () => Promise<R>): Promise<R> {
  if (!spanNow()) return call();
  const facts = { 'forebay.mount': mountPath };
  return asChild({ name: `ufs ${op}`, kind: 'internal', facts }, call);
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
