/**
 * The checksum of a whole object that goes out in parts: some algorithms have one that follows from the
 * parts' (S3-WIRE 69). SHA-1 and SHA-256 have not: a store keeps only composites of them, which are other
 * values than the client's.
 */
import { isUfsAnswer } from '@forebay/core/errors';
import { type HeaderList, headerValue } from '@forebay/core/object';
import type { Ufs, UfsPartRef } from '@forebay/ufs/ufs';
import { type ChecksumAlgorithm, createChecksum } from '../payload/checksums.ts';
import type { RequestHeaders } from '../types.ts';

const algorithms: readonly ChecksumAlgorithm[] = ['crc32', 'crc32c', 'crc64nvme'];

export interface CheckedUpload {
  readonly uploadId: string;
  partHeaders(bytes: Uint8Array): HeaderList;
  /** Of a part that went out with these headers. */
  partChecksums(headers: HeaderList): UfsPartRef['checksums'];
  /** For the complete: the store compares it with what it made of the parts, and keeps it. */
  readonly completeHeaders: HeaderList;
}

/**
 * An upload whose object carries the checksum that the request gives of its whole body. Where the request
 * gives none of that kind, or the store takes none, it is an upload like any other.
 */
export async function createCheckedUpload(
  ufs: Ufs,
  key: string,
  request: { readonly headers: HeaderList; readonly given: Pick<RequestHeaders, 'get'> },
): Promise<CheckedUpload> {
  const { headers, given } = request;
  const algorithm = algorithms.find((name) => given.get(`x-amz-checksum-${name}`) !== undefined);
  if (algorithm === undefined) return unchecked(await ufs.createUpload(key, headers));
  const asked: HeaderList = [
    ['x-amz-checksum-algorithm', algorithm.toUpperCase()],
    ['x-amz-checksum-type', 'FULL_OBJECT'],
  ];
  try {
    const created = await ufs.createUpload(key, [...headers, ...asked]);
    const value = given.get(`x-amz-checksum-${algorithm}`)!.trim();
    return checked(created, { algorithm, value });
  } catch (error) {
    // Refused for another reason, it is refused again.
    if (!isUfsAnswer(error, 'InvalidRequest', 'InvalidArgument', 'NotImplemented')) throw error;
    return unchecked(await ufs.createUpload(key, headers));
  }
}

function checked(
  created: Awaited<ReturnType<Ufs['createUpload']>>,
  { algorithm, value }: { readonly algorithm: ChecksumAlgorithm; readonly value: string },
): CheckedUpload {
  const name = `x-amz-checksum-${algorithm}`;
  const kind = headerValue(created.headers, 'x-amz-checksum-type')?.toUpperCase();
  return {
    uploadId: created.uploadId,
    partHeaders: (bytes) => {
      const checksum = createChecksum(algorithm);
      checksum.update(bytes);
      return [[name, checksum.digestBase64()]];
    },
    partChecksums: (headers) => {
      const ofPart = headerValue(headers, name);
      return ofPart === undefined ? [] : [[`Checksum${algorithm.toUpperCase()}`, ofPart]];
    },
    // A store that does not say so makes a composite, if anything: it would refuse the value.
    completeHeaders:
      kind === 'FULL_OBJECT'
        ? [
            [name, value],
            ['x-amz-checksum-type', kind],
          ]
        : [],
  };
}

function unchecked({ uploadId }: { readonly uploadId: string }): CheckedUpload {
  return { uploadId, partHeaders: () => [], partChecksums: () => [], completeHeaders: [] };
}
