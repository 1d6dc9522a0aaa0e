/** DeleteObject, of the newest version or of a named one (S3-WIRE 89, 91). */
import type { WriteHandler } from '../../write-object.ts';
import type { OperationDeps } from '../operation.ts';
import { versionIdOf } from './named-ids.ts';
import { writableObject } from './resolve.ts';
import { named } from './write-headers.ts';

export const deleteHeaderNames = [
  'x-amz-bypass-governance-retention',
  'x-amz-expected-bucket-owner',
  'x-amz-mfa',
  'x-amz-request-payer',
];
const conditionNames = ['if-match', 'x-amz-if-match-last-modified-time', 'x-amz-if-match-size'];

/** 204 whether or not the key existed: the UFS decides (S3-WIRE 91). */
export const deleteObject =
  (deps: OperationDeps): WriteHandler =>
  async (request) => {
    const object = writableObject(deps, request);
    const ufs = await deps.ufsOf(object.mount);
    const options = {
      versionId: versionIdOf(request.query),
      headers: named(request.headers, [...deleteHeaderNames, ...conditionNames]),
    };
    const result = await deps.writer.write([object], () => ufs.delete(object.ufsKey, options));
    return result.answer(({ headers }) => ({ status: 204, headers }));
  };
