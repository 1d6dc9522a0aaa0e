/** UploadPart, and what the two ways to send a part share (S3-WIRE 98). */
import { S3Error } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Handler, S3Request } from '../types.ts';
import { uploadIdOf } from './named-ids.ts';
import { writableObject } from './resolve.ts';
import { uploadBytesMax, uploadOf } from './upload.ts';
import { checksumHeaders, named, prefixed } from './write-headers.ts';

/** A part is under no key, so nothing cached changes until CompleteMultipartUpload (S3-WIRE 103). */
export const uploadPart =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const object = writableObject(deps, request);
    const { uploadId, partNumber } = partOf(request);
    const headers = [...partHeaders(request), ...checksumHeaders(request.headers)];
    const upload = await uploadOf(request, { headers, sizeBytesMax: uploadBytesMax });
    const ufs = await deps.ufsOf(object.mount);
    const written = await ufs.uploadPart(object.ufsKey, { ...upload, uploadId, partNumber });
    return { status: 200, headers: written.headers };
  };

/** @throws S3Error InvalidArgument */
export function partOf({ query }: S3Request): { uploadId: string; partNumber: number } {
  const text = query.get('partNumber') ?? '';
  const partNumber = Number(text);
  if (!/^\d{1,5}$/.test(text) || partNumber < 1 || partNumber > 10_000) {
    throw new S3Error('InvalidArgument', {
      message: 'Part number must be an integer between 1 and 10000, inclusive',
      fields: { ArgumentName: 'partNumber', ArgumentValue: text },
    });
  }
  return { uploadId: uploadIdOf(query), partNumber };
}

/** What a part may say besides its checksum: the customer's key, who pays, whose bucket. */
export function partHeaders({ headers }: S3Request) {
  return [
    ...named(headers, ['x-amz-expected-bucket-owner', 'x-amz-request-payer']),
    ...prefixed(headers, ['x-amz-server-side-encryption-customer-']),
  ];
}
