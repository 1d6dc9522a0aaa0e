/** Writes whose request or answer is a document: copies, multipart uploads, deletions by list. */
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  type DeleteObjectsOutput,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { ForebayError } from '@forebay/core/errors';
import { type HeaderList, headerValue } from '@forebay/core/object';
import type { ByteRange } from '@forebay/core/range';
import { uriEncode, uriEncodePath } from '@forebay/core/sigv4';
import type { UfsCopied, UfsCopy, UfsDelete, UfsDeleted, UfsPartRef, UfsWritten } from '../ufs.ts';
import type { ControlClient } from './control-client.ts';
import { checksumsOf, quotedEtag } from './document-values.ts';
import { writtenHeadersOf } from './headers.ts';
import { httpDateMs } from './object-answer.ts';

export interface DocumentWritesOptions {
  readonly control: ControlClient;
  readonly bucket: string;
  readonly slowWriteTimeoutMs: number;
}

export class DocumentWrites {
  readonly #control: ControlClient;
  readonly #bucket: string;
  readonly #slowWriteTimeoutMs: number;

  constructor({ control, bucket, slowWriteTimeoutMs }: DocumentWritesOptions) {
    this.#control = control;
    this.#bucket = bucket;
    this.#slowWriteTimeoutMs = slowWriteTimeoutMs;
  }

  async copy(request: UfsCopy): Promise<UfsCopied> {
    const source = this.#sourceOf(request);
    const command = new CopyObjectCommand({ Bucket: this.#bucket, Key: request.key, CopySource: source });
    const { output, headers } = await this.#control.run(command, {
      method: 'PUT',
      key: request.key,
      about: 'object',
      headers: [['x-amz-copy-source', source], ...request.headers],
      timeoutMs: this.#slowWriteTimeoutMs,
    });
    return copiedOf(output.CopyObjectResult, headers);
  }

  async copyPart(
    request: UfsCopy & { uploadId: string; partNumber: number; sourceRange?: ByteRange | undefined },
  ): Promise<UfsCopied> {
    const source = this.#sourceOf(request);
    const command = new UploadPartCopyCommand({
      Bucket: this.#bucket,
      Key: request.key,
      CopySource: source,
      UploadId: request.uploadId,
      PartNumber: request.partNumber,
    });
    const { sourceRange } = request;
    const range: HeaderList = sourceRange
      ? [['x-amz-copy-source-range', `bytes=${sourceRange.start}-${sourceRange.endExclusive - 1}`]]
      : [];
    const { output, headers } = await this.#control.run(command, {
      method: 'PUT',
      key: request.key,
      about: 'upload',
      headers: [['x-amz-copy-source', source], ...range, ...request.headers],
      timeoutMs: this.#slowWriteTimeoutMs,
    });
    return copiedOf(output.CopyPartResult, headers);
  }

  async createUpload(key: string, headers: HeaderList): Promise<UfsWritten & { uploadId: string }> {
    const command = new CreateMultipartUploadCommand({ Bucket: this.#bucket, Key: key });
    const answer = await this.#control.run(command, { method: 'POST', key, about: 'object', headers });
    const uploadId = answer.output.UploadId;
    if (!uploadId) throw new ForebayError('state-unknown', 'the store made an upload and did not name it');
    return { uploadId, headers: writtenHeadersOf(answer.headers) };
  }

  async completeUpload(
    key: string,
    request: { uploadId: string; parts: readonly UfsPartRef[]; headers: HeaderList },
  ): Promise<UfsCopied> {
    const command = new CompleteMultipartUploadCommand({
      Bucket: this.#bucket,
      Key: key,
      UploadId: request.uploadId,
      MultipartUpload: {
        Parts: request.parts.map((part) => ({
          ...Object.fromEntries(part.checksums),
          PartNumber: part.partNumber,
          ETag: part.etag,
        })),
      },
    });
    const { output, headers } = await this.#control.run(command, {
      method: 'POST',
      key,
      about: 'upload',
      headers: request.headers,
      timeoutMs: this.#slowWriteTimeoutMs,
    });
    return copiedOf(output, headers);
  }

  /** At most 1,000 entries, every key of which `survivesXml`. */
  async deleteMany(entries: readonly UfsDelete[], headers: HeaderList): Promise<UfsDeleted[]> {
    const command = new DeleteObjectsCommand({
      Bucket: this.#bucket,
      Delete: {
        Objects: entries.map(({ key, versionId, etag }) => ({
          Key: key,
          ...(versionId !== undefined && { VersionId: versionId }),
          ...(etag !== undefined && { ETag: etag }),
        })),
      },
    });
    const { output } = await this.#control.run(command, {
      method: 'POST',
      about: 'bucket',
      headers,
      contentMd5: true,
    });
    const told = deletedOf(output);
    if (told.length === 0) throw new ForebayError('state-unknown', 'the store did not say what it deleted');
    return [...told, ...leftOut(entries, told)];
  }

  #sourceOf({ sourceBucket = this.#bucket, sourceKey, sourceVersionId }: UfsCopy): string {
    const version = sourceVersionId === undefined ? '' : `?versionId=${uriEncode(sourceVersionId)}`;
    return `/${uriEncode(sourceBucket)}/${uriEncodePath(sourceKey)}${version}`;
  }
}

/**
 * Whether a key can be named in a document and come back the same. XML 1.0 has no way to write most control
 * characters, the SDK leaves them out without a word (and so would delete another key), and parsers may trim.
 */
export function survivesXml(key: string): boolean {
  if (key.trim() !== key) return false;
  for (let index = 0; index < key.length; index += 1) {
    const unit = key.charCodeAt(index);
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0) || unit >= 0xfffe) return false;
  }
  return true;
}

interface WriteDocument {
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
  /** Complete only. Some stores name the key there, and no ETag. */
  readonly Key?: string | undefined;
}

/**
 * @throws ForebayError state-unknown where the document says nothing: a 200 alone, from whomever, is no
 * success
 */
function copiedOf(result: WriteDocument | undefined, headers: HeaderList): UfsCopied {
  if ((result?.ETag ?? result?.LastModified ?? result?.Key) === undefined) {
    throw new ForebayError('state-unknown', 'the answer to a write holds no result');
  }
  return {
    etag: quotedEtag(result?.ETag),
    // Complete tells no time; the moment of the answer is the nearest there is.
    lastModifiedMs: result?.LastModified?.getTime() ?? httpDateMs(headerValue(headers, 'date')),
    checksums: checksumsOf(result),
    headers: writtenHeadersOf(headers),
  };
}

/** Keys of which the store says nothing: not to be taken for deleted. */
function leftOut(entries: readonly UfsDelete[], told: readonly UfsDeleted[]): UfsDeleted[] {
  const keys = new Set(told.map(({ key }) => key));
  const error = { code: 'InternalError', message: 'The store did not say what became of this key.' };
  return entries.filter(({ key }) => !keys.has(key)).map(({ key, versionId }) => ({ key, versionId, error }));
}

function deletedOf(output: DeleteObjectsOutput): UfsDeleted[] {
  const deleted = (output.Deleted ?? []).map((entry) => ({
    key: entry.Key ?? '',
    versionId: entry.VersionId,
    deleteMarker: entry.DeleteMarker,
    deleteMarkerVersionId: entry.DeleteMarkerVersionId,
  }));
  const failed = (output.Errors ?? []).map((entry) => ({
    key: entry.Key ?? '',
    versionId: entry.VersionId,
    error: { code: entry.Code ?? 'InternalError', message: entry.Message ?? '' },
  }));
  return [...deleted, ...failed];
}
