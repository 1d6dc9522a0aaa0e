/**
 * Multipart uploads over a plain store (S3-WIRE 97-104). An upload lives in the backend from create to
 * complete or abort, across restarts; nothing of it shows under its key until complete has committed the
 * assembled object.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '@forebay/core/clock';
import { bareEtag } from '@forebay/core/conditions';
import type { HeaderList } from '@forebay/core/object';
import type { Ufs, UfsCopied, UfsCopy, UfsPartList, UfsUpload, UfsUploadList, UfsWritten } from '../ufs.ts';
import { invalidArgument, invalidRequest, noSuchUpload } from './answers.ts';
import type { ObjectBackend, OpenObject, PartRecord, UploadRecord } from './backend.ts';
import { digestOf } from './checksums.ts';
import { assemble, checkPartChecksums, checkParts, choosePart, completedChecksums } from './complete.ts';
import { checksumElements, checksumKindOf, describeObject, refuseUnsupported } from './object-headers.ts';
import { MeasuredBody, missingChecksum, type ObjectWriter, uploadChecksums } from './object-writer.ts';
import { pageOfUploads } from './upload-listing.ts';
import { copied } from './views.ts';

type CompleteRequest = Parameters<Ufs['completeUpload']>[1];
type PartCopy = Parameters<Ufs['uploadPartCopy']>[0];
const partNumberMax = 10_000;

interface MultipartOptions {
  readonly backend: ObjectBackend;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly partSizeBytesMin: number;
  /** Opens a copy's source, its conditions met. */
  openSource(copy: UfsCopy): Promise<OpenObject>;
}

export class MultipartUploads {
  readonly #options: MultipartOptions;
  readonly #backend: ObjectBackend;

  constructor(options: MultipartOptions) {
    this.#options = options;
    this.#backend = options.backend;
  }

  async create(key: string, headers: HeaderList): Promise<UfsWritten & { readonly uploadId: string }> {
    refuseUnsupported(headers);
    await this.#backend.check();
    const initiatedMs = this.#options.clock.wallMs();
    const upload: UploadRecord = {
      uploadId: `${initiatedMs.toString(36).padStart(9, '0')}${randomBytes(12).toString('hex')}`,
      key,
      initiatedMs,
      ...describeObject(headers),
      ...checksumKindOf(headers),
    };
    await this.#backend.uploads.create(upload);
    const answer: [string, string][] = [];
    if (upload.checksumAlgorithm) answer.push(['x-amz-checksum-algorithm', upload.checksumAlgorithm]);
    if (upload.checksumType) answer.push(['x-amz-checksum-type', upload.checksumType]);
    return { headers: answer, uploadId: upload.uploadId };
  }

  async uploadPart(
    key: string,
    part: UfsUpload & { readonly uploadId: string; readonly partNumber: number },
  ): Promise<UfsWritten> {
    refuseUnsupported(part.headers);
    const stored = await this.#storePart(key, part);
    return { headers: [['etag', stored.etag], ...stored.checksums] };
  }

  async uploadPartCopy(request: PartCopy): Promise<UfsCopied> {
    await this.#find(request.key, request.uploadId);
    const source = await this.#options.openSource(request);
    try {
      const whole = { start: 0, endExclusive: source.sizeBytes };
      const range = request.sourceRange ?? whole;
      if (range.endExclusive > whole.endExclusive) {
        const message = `Range specified is not valid for source object of size: ${source.sizeBytes}`;
        const text = `bytes=${range.start}-${range.endExclusive - 1}`;
        throw invalidArgument(message, 'x-amz-copy-source-range', text);
      }
      const stored = await this.#storePart(request.key, {
        uploadId: request.uploadId,
        partNumber: request.partNumber,
        headers: [],
        body: source.read(range, undefined),
        sizeBytes: range.endExclusive - range.start,
      });
      const { etag, lastModifiedMs, checksums } = stored;
      return { headers: [], etag, lastModifiedMs, checksums: checksumElements(checksums) };
    } finally {
      await source.close();
    }
  }

  async #storePart(
    key: string,
    part: UfsUpload & { readonly uploadId: string; readonly partNumber: number },
  ): Promise<PartRecord> {
    const { uploadId, partNumber } = part;
    if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > partNumberMax) {
      const message = `Part number must be an integer between 1 and ${partNumberMax}, inclusive`;
      throw invalidArgument(message, 'partNumber', String(partNumber));
    }
    const { checksumAlgorithm } = await this.#find(key, uploadId);
    const missing = missingChecksum(checksumAlgorithm, part);
    const body = new MeasuredBody(part, missing === undefined ? undefined : digestOf(missing));
    const staged = await this.#backend.stage(body);
    try {
      const stored: PartRecord = {
        partNumber,
        etag: body.etag,
        sizeBytes: part.sizeBytes,
        lastModifiedMs: staged.lastModifiedMs,
        checksums: missing ? body.checksumOf(missing) : uploadChecksums(part),
      };
      await this.#options.writer.uploadLocked(uploadId, async () => {
        await this.#find(key, uploadId); // it may have been completed or aborted while the body came in
        await staged.commitPart(uploadId, stored);
      });
      return stored;
    } finally {
      await staged.discard();
    }
  }

  complete(key: string, request: CompleteRequest): Promise<UfsCopied> {
    const { uploadId } = request;
    return this.#options.writer.uploadLocked(uploadId, async () => {
      const upload = await this.#backend.uploads.find(uploadId);
      if (upload?.key !== key) return this.#completedBefore(key, request);
      const stored = await this.#backend.uploads.parts(uploadId);
      const parts = request.parts.map((ref, index) =>
        choosePart({ uploadId, ref, before: request.parts[index - 1], stored }),
      );
      checkPartChecksums(upload, request.parts);
      checkParts(parts, request.headers, this.#options.partSizeBytesMin);
      const checksums = completedChecksums(upload, parts, request.headers);
      const state = await this.#options.writer.write({
        key,
        body: assemble(this.#backend.uploads, { uploadId, parts, unproven: checksums.unproven }),
        headers: request.headers,
        record: () => ({
          etag: multipartEtag(parts.map((part) => part.etag)),
          headers: [...upload.headers, ...checksums.headers],
          tagging: upload.tagging,
          parts: parts.map((part) => ({ sizeBytes: part.sizeBytes, checksums: part.checksums })),
          uploadId,
        }),
      });
      await this.#backend.uploads.remove(uploadId);
      return copied(state);
    });
  }

  /**
   * The same complete again gets the same answer, as long as the object is still the one it made (S3-WIRE
   * 101).
   */
  async #completedBefore(key: string, request: CompleteRequest): Promise<UfsCopied> {
    const state = await this.#options.writer.stateOf(key);
    const etag = multipartEtag(request.parts.map((part) => part.etag));
    if (state?.record.uploadId !== request.uploadId || state.record.etag !== etag) {
      throw noSuchUpload(request.uploadId);
    }
    return copied(state);
  }

  async abort(key: string, uploadId: string): Promise<void> {
    await this.#options.writer.uploadLocked(uploadId, async () => {
      await this.#find(key, uploadId);
      await this.#backend.uploads.remove(uploadId);
    });
  }

  async listParts(key: string, request: Parameters<Ufs['listParts']>[1]): Promise<UfsPartList> {
    const upload = await this.#find(key, request.uploadId);
    const { uploadId, partNumberMarker: after, maxParts } = request;
    const later = await this.#backend.uploads.parts(uploadId, { after, countMax: maxParts + 1 });
    const shown = later.slice(0, maxParts);
    return {
      parts: shown.map(({ partNumber, etag, sizeBytes, lastModifiedMs, checksums }) => {
        return { partNumber, etag, sizeBytes, lastModifiedMs, checksums: checksumElements(checksums) };
      }),
      truncated: shown.length < later.length && maxParts > 0,
      nextPartNumberMarker: shown.at(-1)?.partNumber,
      storageClass: 'STANDARD',
      checksumAlgorithm: upload.checksumAlgorithm,
      checksumType: upload.checksumType,
    };
  }

  async listUploads(request: Parameters<Ufs['listUploads']>[0]): Promise<UfsUploadList> {
    await this.#backend.check();
    return pageOfUploads(await this.#backend.uploads.list(), request);
  }

  async #find(key: string, uploadId: string): Promise<UploadRecord> {
    const upload = await this.#backend.uploads.find(uploadId);
    if (upload?.key === key) return upload;
    await this.#backend.check();
    throw noSuchUpload(uploadId);
  }
}

/** MD5 of the parts' MD5s and their count. @throws UfsAnswerError where there is no part */
function multipartEtag(etags: readonly string[]): string {
  if (etags.length === 0) throw invalidRequest('You must specify at least one part');
  const md5 = createHash('md5');
  for (const etag of etags) md5.update(Buffer.from(bareEtag(etag), 'hex'));
  return `"${md5.digest('hex')}-${etags.length}"`;
}
