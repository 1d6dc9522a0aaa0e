/**
 * A copy takes the source's tags along. Callers who may not read these, or not put them on the copy, may copy
 * what has none (AWS, CopyObject: "If the source object has tags").
 */

import { isUfsAnswer } from '@forebay/core/errors';
import { wholeOf } from '@forebay/core/pieces';
import { mayCopyTags } from '../authorise.ts';
import { S3Error } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Request } from '../types.ts';
import { parseTagging } from '../xml.ts';
import type { CopySource } from './copy-source.ts';
import { copySourceName } from './copy-source-name.ts';
import { payerHeaders } from './write-headers.ts';

/** Asks the UFS only for callers without these rights. @throws S3Error AccessDenied */
export async function refuseHiddenTags(
  deps: OperationDeps,
  request: S3Request,
  source: CopySource,
): Promise<void> {
  const name = copySourceName(request);
  if (!name || request.headers.get('x-amz-tagging-directive') === 'REPLACE') return;
  if (!mayCopyTags(request, name) && (await hasTags(deps, request, source)))
    throw new S3Error('AccessDenied');
}

/** Not to be told counts as having some; only a store that knows no tags has none for sure. */
async function hasTags(
  deps: OperationDeps,
  { headers }: S3Request,
  { object, versionId }: CopySource,
): Promise<boolean> {
  const ufs = await deps.ufsOf(object.mount);
  const version = versionId === undefined ? [] : [['versionId', versionId] as const];
  try {
    const { body } = await ufs.forward({
      method: 'GET',
      effect: 'read',
      key: object.ufsKey,
      query: [['tagging', ''], ...version],
      headers: payerHeaders(headers),
    });
    return parseTagging((await wholeOf(body))!).length > 0;
  } catch (error) {
    if (isUfsAnswer(error, 'NotImplemented', 'NoSuchTagSet', 'NoSuchTagSetError')) return false;
    throw error;
  }
}
