/**
 * An S3 bucket as a UFS. Object bytes go through the lean client, documents through the SDK (decision
 * 0002).
 */
import { isKind, UfsAnswerError } from '@forebay/core/errors';
import { type HeaderList, headerValue, type ObjectInfo } from '@forebay/core/object';
import type { ByteRange } from '@forebay/core/range';
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
  UfsPartList,
  UfsPartRef,
  UfsPartsRequest,
  UfsReadOptions,
  UfsUpload,
  UfsUploadList,
  UfsVersionListing,
  UfsVersionsRequest,
  UfsWritten,
} from '../ufs.ts';
import type { UfsQueue } from '../ufs-queue.ts';
import type { UfsBucketRead } from '../ufs-service.ts';
import type { CircuitState, UfsUse } from '../ufs-use.ts';
import { CheckedBody } from './checked-body.ts';
import { type DocumentWrites, survivesXml } from './document-writes.ts';
import type { Forwards } from './forwards.ts';
import { writtenHeadersOf } from './headers.ts';
import type { LeanClient, LeanRequest } from './lean-client.ts';
import type { Listings } from './listings.ts';
import { objectAnswerOf, rangeHeaderOf, wholeInfoOf } from './object-answer.ts';
import type { Query } from './signer.ts';
import type { VersionListings } from './version-listings.ts';

/** Without it a store leaves out the checksums that it keeps (S3-WIRE 68). */
const askChecksums = ['x-amz-checksum-mode', 'ENABLED'] as const;

/** Deletions in flight at once for keys that no list can name. */
const singleDeletesMax = 8;

export interface S3UfsParts {
  readonly identity: string;
  readonly region: string;
  /** Ends its connections, where nobody else has them. */
  readonly close: () => Promise<void>;
  /** The same store, used by another mount. */
  readonly usedBy: (use: UfsUse) => Ufs;
  readonly lean: LeanClient;
  readonly forwards: Forwards;
  readonly listings: Listings;
  readonly versions: VersionListings;
  readonly writes: DocumentWrites;
}

export class S3Ufs implements Ufs {
  readonly identity: string;
  readonly region: string;
  readonly #parts: S3UfsParts;

  constructor(parts: S3UfsParts) {
    this.identity = parts.identity;
    this.region = parts.region;
    this.#parts = parts;
  }

  get circuit(): CircuitState {
    return this.#parts.lean.circuit;
  }

  get queue(): UfsQueue {
    return this.#parts.lean.queue;
  }

  usedBy(use: UfsUse): Ufs {
    return this.#parts.usedBy(use);
  }

  async head(key: string, { versionId, signal }: UfsReadOptions = {}): Promise<ObjectInfo> {
    const about = versionId === undefined ? 'object' : 'version';
    const query = versionQuery(versionId);
    const headers = [askChecksums];
    const request = { method: 'HEAD', key, query, headers, about, signal, kind: 'head' } as const;
    const answer = await this.#parts.lean.read(request);
    await answer.body.return();
    return wholeInfoOf(answer, versionId);
  }

  async get(key: string, options: UfsReadOptions = {}): Promise<UfsObject> {
    const { range, versionId, ifMatch, signal } = options;
    const headers = [askChecksums, ...(options.headers ?? [])];
    if (range) headers.push(['range', rangeHeaderOf(range)]);
    if (ifMatch !== undefined) headers.push(['if-match', ifMatch]);
    const about = versionId === undefined ? 'object' : 'version';
    const query = versionQuery(versionId);
    const kind = options.patient ? undefined : 'get';
    const request = { method: 'GET', key, query, headers, about, signal, kind } as const;
    const answer = await this.#parts.lean.read(request);
    try {
      const { info, range: held } = objectAnswerOf(answer, { range, versionId });
      return { info, range: held, body: new CheckedBody(answer.body, request) };
    } catch (error) {
      await answer.body.return();
      throw error;
    }
  }

  forward(request: UfsForward): Promise<UfsForwarded> {
    return this.#parts.forwards.forward(request);
  }

  list(request: UfsListRequest): Promise<UfsListing> {
    return this.#parts.listings.objects(request);
  }

  listVersions(request: UfsVersionsRequest): Promise<UfsVersionListing> {
    return this.#parts.versions.versions(request);
  }

  async checkBucket({ headers, signal }: UfsBucketRead = {}): Promise<void> {
    const answer = await this.#parts.lean.read({ method: 'HEAD', about: 'bucket', headers, signal });
    await answer.body.return();
  }

  put(key: string, upload: UfsUpload): Promise<UfsWritten> {
    return this.#upload({ key, about: 'object', query: [] }, upload);
  }

  async delete(
    key: string,
    { versionId, headers }: { versionId?: string | undefined; headers: HeaderList },
  ): Promise<UfsWritten> {
    const query = versionQuery(versionId);
    return this.#written({ method: 'DELETE', key, query, headers, about: 'object' });
  }

  async deleteMany(entries: readonly UfsDelete[], headers: HeaderList): Promise<readonly UfsDeleted[]> {
    const listed = entries.filter((entry) => survivesXml(entry.key));
    const single = entries.filter((entry) => !survivesXml(entry.key));
    const answers = listed.length > 0 ? await this.#parts.writes.deleteMany(listed, headers) : [];
    for (let start = 0; start < single.length; start += singleDeletesMax) {
      const batch = single.slice(start, start + singleDeletesMax);
      answers.push(...(await allOf(batch.map((entry) => this.#deleteSingle(entry, headers)))));
    }
    return answers;
  }

  copy(request: UfsCopy): Promise<UfsCopied> {
    return this.#parts.writes.copy(request);
  }

  createUpload(key: string, headers: HeaderList): Promise<UfsWritten & { readonly uploadId: string }> {
    return this.#parts.writes.createUpload(key, headers);
  }

  uploadPart(
    key: string,
    part: UfsUpload & { readonly uploadId: string; readonly partNumber: number },
  ): Promise<UfsWritten> {
    const query: Query = [
      ['partNumber', String(part.partNumber)],
      ['uploadId', part.uploadId],
    ];
    return this.#upload({ key, about: 'upload', query }, part);
  }

  uploadPartCopy(
    request: UfsCopy & {
      readonly uploadId: string;
      readonly partNumber: number;
      readonly sourceRange?: ByteRange | undefined;
    },
  ): Promise<UfsCopied> {
    return this.#parts.writes.copyPart(request);
  }

  completeUpload(
    key: string,
    request: { uploadId: string; parts: readonly UfsPartRef[]; headers: HeaderList },
  ): Promise<UfsCopied> {
    return this.#parts.writes.completeUpload(key, request);
  }

  async abortUpload(key: string, uploadId: string, headers: HeaderList = []): Promise<void> {
    const query: Query = [['uploadId', uploadId]];
    await this.#written({ method: 'DELETE', key, query, headers, about: 'upload' });
  }

  listParts(key: string, request: UfsPartsRequest): Promise<UfsPartList> {
    return this.#parts.listings.parts(key, request);
  }

  listUploads(request: Parameters<Ufs['listUploads']>[0]): Promise<UfsUploadList> {
    return this.#parts.listings.uploads(request);
  }

  close(): Promise<void> {
    return this.#parts.close();
  }

  async #upload(
    target: { key: string; about: LeanRequest['about']; query: Query },
    upload: UfsUpload,
  ): Promise<UfsWritten> {
    const { headers } = await this.#parts.lean.upload({ ...target, upload });
    return { headers: writtenHeadersOf(headers) };
  }

  async #written(request: LeanRequest): Promise<UfsWritten> {
    const { headers } = await this.#parts.lean.write(request);
    return { headers: writtenHeadersOf(headers) };
  }

  async #deleteSingle({ key, versionId, etag }: UfsDelete, headers: HeaderList): Promise<UfsDeleted> {
    const conditions: HeaderList = etag === undefined ? [] : [['if-match', etag]];
    try {
      const answer = await this.delete(key, { versionId, headers: [...headers, ...conditions] });
      const marker = headerValue(answer.headers, 'x-amz-delete-marker') === 'true';
      const answered = headerValue(answer.headers, 'x-amz-version-id');
      return marker
        ? { key, versionId, deleteMarker: true, deleteMarkerVersionId: answered }
        : { key, versionId };
    } catch (error) {
      if (!(error instanceof UfsAnswerError)) throw error;
      return { key, versionId, error: { code: error.answer.code, message: error.answer.message } };
    }
  }
}

function versionQuery(versionId: string | undefined): Query {
  return versionId === undefined ? [] : [['versionId', versionId]];
}

/** What all came to, once none is under way any more. @throws what one threw, `state-unknown` above all */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  const failures = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  if (failures.length > 0) throw failures.find((error) => isKind(error, 'state-unknown')) ?? failures[0];
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}
