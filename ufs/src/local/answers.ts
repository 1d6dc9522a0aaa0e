/**
 * S3's answers of a store that is no S3 server: status, code, message and elements (S3-WIRE sections 7 and
 * 18).
 */
import { UfsAnswerError } from '@forebay/core/errors';

type Fields = readonly (readonly [name: string, value: string])[];

function answer(status: number, code: string, message: string, fields: Fields = []): UfsAnswerError {
  return new UfsAnswerError({ status, code, message, fields });
}

export function noSuchKey(key: string): UfsAnswerError {
  return answer(404, 'NoSuchKey', 'The specified key does not exist.', [['Key', key]]);
}

export function noSuchBucket(name: string): UfsAnswerError {
  return answer(404, 'NoSuchBucket', 'The specified bucket does not exist', [['BucketName', name]]);
}

export function accessDenied(): UfsAnswerError {
  return answer(403, 'AccessDenied', 'Access Denied');
}

export function preconditionFailed(condition: string): UfsAnswerError {
  const message = 'At least one of the pre-conditions you specified did not hold';
  return answer(412, 'PreconditionFailed', message, [['Condition', condition]]);
}

export function notImplemented(header: string): UfsAnswerError {
  const message = 'A header you provided implies functionality that is not implemented';
  return answer(501, 'NotImplemented', message, [['Header', header]]);
}

export function selfCopy(): UfsAnswerError {
  return invalidRequest(
    'This copy request is illegal because it is trying to copy an object to itself without changing ' +
      "the object's metadata, storage class, website redirect location or encryption attributes.",
  );
}

export function invalidRequest(message: string): UfsAnswerError {
  return answer(400, 'InvalidRequest', message);
}

export function invalidArgument(message: string, name: string, value: string): UfsAnswerError {
  return answer(400, 'InvalidArgument', message, [
    ['ArgumentName', name],
    ['ArgumentValue', value],
  ]);
}

/** @param requested the Range header where it is known */
export function invalidRange(requested: string | undefined, sizeBytes: number): UfsAnswerError {
  return answer(416, 'InvalidRange', 'The requested range is not satisfiable', [
    ...(requested === undefined ? [] : [['RangeRequested', requested] as const]),
    ['ActualObjectSize', String(sizeBytes)],
  ]);
}

export function invalidPartNumber(requested: number, count: number): UfsAnswerError {
  return answer(416, 'InvalidPartNumber', 'The requested partnumber is not satisfiable', [
    ['PartNumberRequested', String(requested)],
    ['ActualPartCount', String(count)],
  ]);
}

export function incompleteBody(expectedBytes: number, providedBytes: number): UfsAnswerError {
  return answer(400, 'IncompleteBody', 'The request body terminated unexpectedly', [
    ['NumberBytesExpected', String(expectedBytes)],
    ['NumberBytesProvided', String(providedBytes)],
  ]);
}

/** @param header `x-amz-checksum-crc32`, ... */
export function badChecksum(header: string): UfsAnswerError {
  const algorithm = header.slice('x-amz-checksum-'.length).toUpperCase();
  return answer(400, 'BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
}

/** An upload has one algorithm from its creation. @param actual of a part or of the complete */
export function otherChecksumAlgorithm(expected: string, actual: string): UfsAnswerError {
  return invalidRequest(
    `Checksum Type mismatch occurred, expected checksum Type: ${expected.toLowerCase()}, ` +
      `actual checksum Type: ${actual.toLowerCase()}`,
  );
}

export function otherChecksumMode(type: string): UfsAnswerError {
  return invalidRequest(
    `The upload was created using the ${type} checksum mode. ` +
      'The complete request must use the same checksum mode.',
  );
}

export function partChecksumMissing(algorithm: string, partNumber: number): UfsAnswerError {
  return invalidRequest(
    `The upload was created using a ${algorithm.toLowerCase()} checksum. The complete request must ` +
      `include the checksum for each part. It was missing for part ${partNumber} in the request.`,
  );
}

export function aclNotSupported(): UfsAnswerError {
  return answer(400, 'AccessControlListNotSupported', 'The bucket does not allow ACLs');
}

/** @param tag what is wrong with it goes into the message */
export function invalidTag(
  message: string,
  tag: { readonly key: string; readonly value: string },
): UfsAnswerError {
  return answer(400, 'InvalidTag', message, [
    ['TagKey', tag.key],
    ['TagValue', tag.value],
  ]);
}

export function malformedXml(): UfsAnswerError {
  const message = 'The XML you provided was not well-formed or did not validate against our published schema';
  return answer(400, 'MalformedXML', message);
}

/** Of a bucket: `NoSuchCORSConfiguration` and the like. */
export function notConfigured(code: string, message: string): UfsAnswerError {
  return answer(404, code, message);
}

export function tooManyTags(): UfsAnswerError {
  return answer(400, 'BadRequest', 'Object tags cannot be greater than 10');
}

export function noSuchUpload(uploadId: string): UfsAnswerError {
  const message =
    'The specified multipart upload does not exist. The upload ID may be invalid, ' +
    'or the upload may have been aborted or completed.';
  return answer(404, 'NoSuchUpload', message, [['UploadId', uploadId]]);
}

export function invalidPart(uploadId: string, part: { partNumber: number; etag: string }): UfsAnswerError {
  const message =
    'One or more of the specified parts could not be found. The part may not have been uploaded, ' +
    "or the specified entity tag may not match the part's entity tag.";
  return answer(400, 'InvalidPart', message, [
    ['UploadId', uploadId],
    ['PartNumber', String(part.partNumber)],
    ['ETag', part.etag],
  ]);
}

export function invalidPartOrder(uploadId: string): UfsAnswerError {
  const message = 'The list of parts was not in ascending order. Parts must be ordered by part number.';
  return answer(400, 'InvalidPartOrder', message, [['UploadId', uploadId]]);
}

export function entityTooSmall(
  part: { partNumber: number; etag: string; sizeBytes: number },
  minSizeBytes: number,
): UfsAnswerError {
  const message = 'Your proposed upload is smaller than the minimum allowed object size.';
  return answer(400, 'EntityTooSmall', message, [
    ['MinSizeAllowed', String(minSizeBytes)],
    ['ProposedSize', String(part.sizeBytes)],
    ['PartNumber', String(part.partNumber)],
    ['ETag', part.etag],
  ]);
}

export function checkVersionId(versionId: string | undefined): void {
  if (versionId === undefined || versionId === 'null') return;
  throw invalidArgument('Invalid version id specified', 'versionId', versionId);
}
