/** Listings of keys, parts and uploads: asked for with encoding-type=url, so that every key survives XML. */
import {
  ListMultipartUploadsCommand,
  type ListMultipartUploadsOutput,
  ListObjectsV2Command,
  type ListObjectsV2Output,
  ListPartsCommand,
} from '@aws-sdk/client-s3';
import { compareUtf8 } from '@forebay/core/utf8-order';
import type {
  Ufs,
  UfsListEntry,
  UfsListing,
  UfsListRequest,
  UfsPart,
  UfsPartList,
  UfsPartsRequest,
  UfsUploadList,
} from '../ufs.ts';
import type { ControlClient } from './control-client.ts';
import { checksumsOf, quotedEtag } from './document-values.ts';
import { unavailable } from './lean-client.ts';

/** Pages that held nothing past `startAfter` before the store is given up on: each makes progress. */
const emptyPagesMax = 100;

export class Listings {
  readonly #control: ControlClient;
  readonly #bucket: string;

  constructor(control: ControlClient, bucket: string) {
    this.#control = control;
    this.#bucket = bucket;
  }

  /** Stores differ in whether a group that `startAfter` lies in is listed again: here it never is. */
  async objects(request: UfsListRequest): Promise<UfsListing> {
    let token: string | undefined;
    for (let page = 0; page < emptyPagesMax; page += 1) {
      const { listing, nextToken } = await this.#page(request, token);
      const some = listing.entries.length + listing.commonPrefixes.length > 0;
      if (some || !listing.truncated || nextToken === undefined) return listing;
      token = nextToken;
    }
    throw unavailable({ method: 'GET' }, 'a listing that makes no progress');
  }

  async #page(
    { prefix, delimiter, startAfter, maxKeys, headers, signal }: UfsListRequest,
    token: string | undefined,
  ): Promise<{ listing: UfsListing; nextToken: string | undefined }> {
    const command = new ListObjectsV2Command({
      Bucket: this.#bucket,
      EncodingType: 'url',
      MaxKeys: maxKeys,
      ...(prefix !== '' && { Prefix: prefix }),
      ...(delimiter && { Delimiter: delimiter }),
      ...(startAfter && !token && { StartAfter: startAfter }),
      ...(token && { ContinuationToken: token }),
    });
    const call = { method: 'GET', about: 'bucket', headers, signal } as const;
    const { output } = await this.#control.run(command, call);
    const isPast = (text: string) => !startAfter || compareUtf8(text, startAfter) > 0;
    const listing = {
      entries: entriesOf(output).filter((entry) => isPast(entry.key)),
      commonPrefixes: prefixesOf(output).filter(isPast),
      truncated: output.IsTruncated ?? false,
    };
    return { listing, nextToken: output.NextContinuationToken };
  }

  async parts(key: string, request: UfsPartsRequest): Promise<UfsPartList> {
    const command = new ListPartsCommand({
      Bucket: this.#bucket,
      Key: key,
      UploadId: request.uploadId,
      PartNumberMarker: String(request.partNumberMarker),
      MaxParts: request.maxParts,
    });
    const call = { method: 'GET', key, about: 'upload', headers: request.headers } as const;
    const { output } = await this.#control.run(command, call);
    const truncated = output.IsTruncated ?? false;
    const next = Number(output.NextPartNumberMarker);
    return {
      parts: (output.Parts ?? []).map(
        (part): UfsPart => ({
          partNumber: part.PartNumber ?? 0,
          etag: quotedEtag(part.ETag) ?? '',
          sizeBytes: part.Size ?? 0,
          lastModifiedMs: part.LastModified?.getTime() ?? 0,
          checksums: checksumsOf(part),
        }),
      ),
      truncated,
      nextPartNumberMarker: truncated && Number.isInteger(next) ? next : undefined,
      storageClass: output.StorageClass || 'STANDARD',
      checksumAlgorithm: namedOf(output.ChecksumAlgorithm),
      checksumType: namedOf(output.ChecksumType),
    };
  }

  async uploads(request: Parameters<Ufs['listUploads']>[0]): Promise<UfsUploadList> {
    const command = new ListMultipartUploadsCommand({
      Bucket: this.#bucket,
      EncodingType: 'url',
      MaxUploads: request.maxUploads,
      ...(request.prefix !== '' && { Prefix: request.prefix }),
      ...(request.delimiter && { Delimiter: request.delimiter }),
      ...(request.keyMarker && { KeyMarker: request.keyMarker }),
      ...(request.uploadIdMarker && { UploadIdMarker: request.uploadIdMarker }),
    });
    const call = { method: 'GET', about: 'bucket', headers: request.headers } as const;
    const { output } = await this.#control.run(command, call);
    const truncated = output.IsTruncated ?? false;
    const text = decoderOf(output);
    return {
      uploads: (output.Uploads ?? []).map((upload) => ({
        key: text(upload.Key ?? ''),
        uploadId: upload.UploadId ?? '',
        initiatedMs: upload.Initiated?.getTime() ?? 0,
        storageClass: upload.StorageClass || 'STANDARD',
        checksumAlgorithm: namedOf(upload.ChecksumAlgorithm),
        checksumType: namedOf(upload.ChecksumType),
      })),
      commonPrefixes: prefixesOf(output),
      truncated,
      nextKeyMarker: truncated && output.NextKeyMarker ? text(output.NextKeyMarker) : undefined,
      nextUploadIdMarker: truncated ? output.NextUploadIdMarker : undefined,
    };
  }
}

/** Some stores say `null` or nothing inside the element where S3 leaves it out. */
export function namedOf(text: string | undefined): string | undefined {
  return text === '' || text === 'null' ? undefined : text;
}

function entriesOf(output: ListObjectsV2Output): UfsListEntry[] {
  const text = decoderOf(output);
  return (output.Contents ?? []).map((object) => ({
    key: text(object.Key ?? ''),
    sizeBytes: object.Size ?? 0,
    etag: quotedEtag(object.ETag),
    lastModifiedMs: object.LastModified?.getTime() ?? 0,
    storageClass: object.StorageClass || 'STANDARD',
    checksumAlgorithms: object.ChecksumAlgorithm,
    checksumType: namedOf(object.ChecksumType),
  }));
}

function prefixesOf(output: ListObjectsV2Output | ListMultipartUploadsOutput): string[] {
  const text = decoderOf(output);
  return (output.CommonPrefixes ?? []).map(({ Prefix }) => text(Prefix ?? ''));
}

/** A store that does not know encoding-type does not echo it, and its keys are plain. */
export function decoderOf(output: { readonly EncodingType?: string | undefined }): (text: string) => string {
  return output.EncodingType === 'url' ? decodeForm : (text) => text;
}

/** Form rules: `+` is a space (S3-WIRE 111). */
export function decodeForm(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw unavailable({ method: 'GET' }, new Error('a listed key cannot be decoded', { cause }));
  }
}
