/** UploadPartCopy: a part from the bytes of another object (S3-WIRE 96). */

import { headerValue } from '@forebay/core/object';
import { ownedPieces } from '@forebay/core/pieces';
import type { UfsCopied } from '@forebay/ufs/ufs';
import { inTimeOrLate } from '../late-answer.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Handler, S3Request } from '../types.ts';
import {
  asMissingSource,
  checkSourceOwner,
  checksumAlgorithmOf,
  withComputedChecksum,
} from './copied-parts.ts';
import { checksumElements, copyResultOf } from './copy-object.ts';
import {
  closeSource,
  copySourceHeaders,
  copySourceOf,
  copySourceRange,
  isSameStore,
  openSource,
  sourceInStore,
  sourceVersionHeaders,
} from './copy-source.ts';
import { writableObject } from './resolve.ts';
import { partHeaders, partOf } from './upload-part.ts';
import { xmlAnswer } from './xml-answer.ts';

/** Like UploadPart it changes nothing under the key. Within one store the store copies (S3-WIRE 96). */
export const uploadPartCopy =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const answer = copyPart(deps, request).then((copied) =>
      xmlAnswer('CopyPartResult', copyResultOf(copied), copied.headers),
    );
    return inTimeOrLate(answer, deps.settings.whiteSpaceIntervalMs);
  };

async function copyPart(deps: OperationDeps, request: S3Request): Promise<UfsCopied> {
  const object = writableObject(deps, request);
  const part = partOf(request);
  const source = copySourceOf(deps, request);
  const sourceRange = copySourceRange(request);
  const to = await deps.ufsOf(object.mount);
  const headers = partHeaders(request);
  if (isSameStore(source.object.mount, object.mount)) {
    const copying = to.uploadPartCopy({
      ...part,
      key: object.ufsKey,
      ...sourceInStore(source, object),
      sourceRange,
      headers: [...headers, ...copySourceHeaders(request)],
    });
    return copying.catch((error: unknown) => {
      throw asMissingSource(error, request, source.key);
    });
  }
  const from = await deps.ufsOf(source.object.mount);
  await checkSourceOwner(from, request);
  const algorithm = await checksumAlgorithmOf(to, { key: object.ufsKey, uploadId: part.uploadId, headers });
  const opened = await openSource(from, source, request, sourceRange);
  const bare = { sizeBytes: opened.sizeBytes, body: ownedPieces(opened.body), headers };
  const upload = (algorithm && withComputedChecksum(bare, algorithm)) || bare;
  const written = await to
    .uploadPart(object.ufsKey, { ...part, ...upload })
    .finally(() => closeSource(opened));
  return {
    headers: [...written.headers.filter(([name]) => name !== 'etag'), ...sourceVersionHeaders(opened)],
    etag: headerValue(written.headers, 'etag'),
    lastModifiedMs: Math.floor(deps.clock.wallMs() / 1000) * 1000,
    checksums: checksumElements(written.headers),
  };
}
