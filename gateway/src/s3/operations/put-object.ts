/** PutObject: one fenced, streamed request to the UFS (S3-WIRE 90). */
import type { WriteHandler } from '../../write-object.ts';
import { S3Error } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Request } from '../types.ts';
import { writableObject } from './resolve.ts';
import { uploadBytesMax, uploadOf } from './upload.ts';
import { putHeaders } from './write-headers.ts';

export const putObject =
  (deps: OperationDeps): WriteHandler =>
  async (request) => {
    refuseVersionId(request);
    refuseAppend(request);
    const object = writableObject(deps, request);
    const upload = await uploadOf(request, {
      headers: putHeaders(request.headers),
      sizeBytesMax: uploadBytesMax,
    });
    const ufs = await deps.ufsOf(object.mount);
    const result = await deps.writer.write([object], () => ufs.put(object.ufsKey, upload));
    return result.answer(({ headers }) => ({ status: 200, headers }));
  };

/** Of directory buckets alone. To leave it out would put a piece in place of the whole object. */
function refuseAppend({ headers }: S3Request): void {
  const header = 'x-amz-write-offset-bytes';
  if (headers.get(header) !== undefined) throw new S3Error('NotImplemented', { fields: { Header: header } });
}

function refuseVersionId({ query }: S3Request): void {
  const versionId = query.get('versionId');
  if (versionId === undefined) return;
  throw new S3Error('InvalidArgument', {
    message: 'This operation does not accept a version-id.',
    fields: { ArgumentName: 'versionId', ArgumentValue: versionId },
  });
}
