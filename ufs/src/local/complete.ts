/** The rules of CompleteMultipartUpload (S3-WIRE 69, 99): which parts, how large, with which checksums. */
import { bareEtag } from '@forebay/core/conditions';
import { type HeaderList, headerValue } from '@forebay/core/object';
import type { UfsPartRef } from '../ufs.ts';
import {
  badChecksum,
  entityTooSmall,
  invalidPart,
  invalidPartOrder,
  invalidRequest,
  otherChecksumAlgorithm,
  otherChecksumMode,
  partChecksumMissing,
} from './answers.ts';
import type { PartRecord, UploadBackend, UploadRecord } from './backend.ts';
import { checksumHeaderOf, combinedChecksum, compositeChecksum, digestOf } from './checksums.ts';
import { algorithmOf, checksumElements, isChecksumHeader } from './object-headers.ts';

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

/**
 * @param partSizeBytesMin of every part but the last
 * @throws UfsAnswerError EntityTooSmall, InvalidRequest
 */
export function checkParts(
  parts: readonly PartRecord[],
  headers: HeaderList,
  partSizeBytesMin: number,
): void {
  for (const part of parts.slice(0, -1)) {
    if (part.sizeBytes < partSizeBytesMin) throw entityTooSmall(part, partSizeBytesMin);
  }
  const announced = headerValue(headers, 'x-amz-mp-object-size');
  if (announced !== undefined && !/^\d{1,15}$/.test(announced)) {
    throw invalidRequest('Value for x-amz-mp-object-size header is invalid.');
  }
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  if (announced !== undefined && Number(announced) !== sizeBytes) {
    throw invalidRequest(
      `The provided 'x-amz-mp-object-size' header value ${announced} ` +
        `does not match what was computed: ${sizeBytes}`,
    );
  }
}

export interface CompletedChecksums {
  /** What the object will carry. */
  readonly headers: HeaderList;
  /** Given by the client for the whole object, and to be compared with its bytes. */
  readonly unproven: readonly [name: string, value: string] | undefined;
}

/**
 * What follows from the parts' checksums is computed from them, and a value that the client gives with the
 * complete is compared with it.
 * @throws UfsAnswerError BadDigest where it is another, InvalidRequest where it is of another kind
 */
export function completedChecksums(
  upload: UploadRecord,
  parts: readonly PartRecord[],
  headers: HeaderList,
): CompletedChecksums {
  const given = headers.find(([name]) => isChecksumHeader(name));
  const { checksumAlgorithm: algorithm, checksumType: type } = upload;
  const asked = headerValue(headers, 'x-amz-checksum-type')?.toUpperCase();
  if (asked !== undefined && type !== undefined && asked !== type) throw otherChecksumMode(type);
  if (algorithm === undefined) return wholeChecksums(given);
  const name = checksumHeaderOf(algorithm);
  if (given && given[0] !== name) throw otherChecksumAlgorithm(algorithm, algorithmOf(given[0]));
  const composite = type === 'COMPOSITE';
  const value = composite ? compositeChecksum(algorithm, parts) : combinedChecksum(algorithm, parts);
  if (value === undefined) return composite ? wholeChecksums(undefined) : wholeChecksums(given);
  if (given && given[1] !== value && !(composite && given[1] === value.slice(0, value.lastIndexOf('-')))) {
    throw badChecksum(name);
  }
  const kept: HeaderList = [
    [name, value],
    ['x-amz-checksum-type', composite ? 'COMPOSITE' : 'FULL_OBJECT'],
  ];
  return { headers: kept, unproven: undefined };
}

function wholeChecksums(given: readonly [string, string] | undefined): CompletedChecksums {
  return { headers: given ? [given, ['x-amz-checksum-type', 'FULL_OBJECT']] : [], unproven: given };
}

/** A composite vouches for each part, so each line must name its checksum. @throws UfsAnswerError */
export function checkPartChecksums(upload: UploadRecord, refs: readonly UfsPartRef[]): void {
  const { checksumAlgorithm: algorithm } = upload;
  if (upload.checksumType !== 'COMPOSITE' || algorithm === undefined) return;
  const missing = refs.find(({ checksums }) => !checksums.some(([name]) => name === `Checksum${algorithm}`));
  if (missing) throw partChecksumMissing(algorithm, missing.partNumber);
}

/**
 * The parts' bytes one after another. A checksum that nothing vouches for yet is compared on the way.
 */
export async function* assemble(
  uploads: UploadBackend,
  object: {
    readonly uploadId: string;
    readonly parts: readonly PartRecord[];
    readonly unproven: CompletedChecksums['unproven'];
  },
): AsyncGenerator<Uint8Array> {
  const { uploadId, parts, unproven } = object;
  const digest = unproven && digestOf(algorithmOf(unproven[0]));
  for (const part of parts) {
    for await (const chunk of uploads.readPart(uploadId, part)) {
      digest?.update(chunk);
      yield chunk;
    }
  }
  if (digest && digest.value().toString('base64') !== unproven[1]) throw badChecksum(unproven[0]);
}
