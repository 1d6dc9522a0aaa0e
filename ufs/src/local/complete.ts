/** The rules of CompleteMultipartUpload (S3-WIRE 69, 99): which parts, how large, with which checksums. */
import { MiB } from '@forebay/core/bytes';
import { bareEtag } from '@forebay/core/conditions';
import { type HeaderList, headerValue } from '@forebay/core/object';
import type { UfsPartRef } from '../ufs.ts';
import { badChecksum, entityTooSmall, invalidPart, invalidPartOrder, invalidRequest } from './answers.ts';
import type { PartRecord, UploadBackend, UploadRecord } from './backend.ts';
import { compositeChecksum, digestOf } from './checksums.ts';
import { algorithmOf, checksumElements, isChecksumHeader } from './object-headers.ts';

const partSizeBytesMin = 5 * MiB;

/** The stored part that a line of the request means. @throws UfsAnswerError InvalidPartOrder, InvalidPart */
export function choosePart(choice: {
  readonly uploadId: string;
  readonly ref: UfsPartRef;
  readonly before: UfsPartRef | undefined;
  readonly stored: readonly PartRecord[];
}): PartRecord {
  const { uploadId, ref, before, stored } = choice;
  if (before && before.partNumber >= ref.partNumber) throw invalidPartOrder(uploadId);
  const part = findPart(stored, ref.partNumber);
  if (!part || bareEtag(part.etag) !== bareEtag(ref.etag)) throw invalidPart(uploadId, ref);
  const known = new Map(checksumElements(part.checksums));
  for (const [element, value] of ref.checksums) {
    const mine = known.get(element);
    if (mine !== undefined && mine !== value) throw invalidPart(uploadId, ref);
  }
  return part;
}

/** Parts ascend, so the one wanted is found by halving: ten thousand lines cost no ten thousand scans. */
function findPart(stored: readonly PartRecord[], partNumber: number): PartRecord | undefined {
  let low = 0;
  let high = stored.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (stored[middle]!.partNumber < partNumber) low = middle + 1;
    else high = middle;
  }
  return stored[low]?.partNumber === partNumber ? stored[low] : undefined;
}

/** @throws UfsAnswerError EntityTooSmall, InvalidRequest */
export function checkParts(parts: readonly PartRecord[], headers: HeaderList): void {
  for (const part of parts.slice(0, -1)) {
    if (part.sizeBytes < partSizeBytesMin) throw entityTooSmall(part, partSizeBytesMin);
  }
  const announced = headerValue(headers, 'x-amz-mp-object-size');
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  if (announced !== undefined && Number(announced) !== sizeBytes) {
    throw invalidRequest(
      `The provided 'x-amz-mp-object-size' header value ${announced} ` +
        `does not match what was computed: ${sizeBytes}`,
    );
  }
}

/**
 * What the object will carry: the composite of its parts' checksums, or the whole object's where the client
 * sent it with the complete. @throws UfsAnswerError BadDigest where the client's composite is another
 */
export function completedChecksums(
  upload: UploadRecord,
  parts: readonly PartRecord[],
  headers: HeaderList,
): HeaderList {
  const given = headers.find(([name]) => isChecksumHeader(name));
  const { checksumAlgorithm: algorithm } = upload;
  if (upload.checksumType === 'COMPOSITE' && algorithm !== undefined) {
    const name = `x-amz-checksum-${algorithm.toLowerCase()}`;
    const checksums = parts.map((part) => part.checksums);
    const value = compositeChecksum(algorithm, checksums);
    if (value === undefined) return [];
    if (given?.[0] === name && given[1] !== value && given[1] !== value.slice(0, value.lastIndexOf('-'))) {
      throw badChecksum(name);
    }
    return [
      [name, value],
      ['x-amz-checksum-type', 'COMPOSITE'],
    ];
  }
  return given ? [given, ['x-amz-checksum-type', 'FULL_OBJECT']] : [];
}

/**
 * The parts' bytes one after another. A whole-object checksum is compared on the way, where its algorithm is
 * computed here (not CRC64NVME and the xxHash family, which are kept as the client gave them).
 */
export async function* assemble(
  uploads: UploadBackend,
  object: {
    readonly uploadId: string;
    readonly parts: readonly PartRecord[];
    readonly checksums: HeaderList;
  },
): AsyncGenerator<Uint8Array> {
  const whole = object.checksums.find(([name, value]) => isChecksumHeader(name) && !value.includes('-'));
  const digest = whole && digestOf(algorithmOf(whole[0]));
  for (const part of object.parts) {
    for await (const chunk of uploads.readPart(object.uploadId, part)) {
      digest?.update(chunk);
      yield chunk;
    }
  }
  if (whole && digest && digest.value().toString('base64') !== whole[1]) throw badChecksum(whole[0]);
}
