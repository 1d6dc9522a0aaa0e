/** CopyObject, within one store and between two (S3-WIRE 92-95). */

import type { ObjectRef } from '@forebay/core/mount';
import { type HeaderList, headerValue, type ObjectInfo } from '@forebay/core/object';
import { ownedPieces } from '@forebay/core/pieces';
import type { UfsCopied, UfsWritten } from '@forebay/ufs/ufs';
import type { WriteHandler } from '../../write-object.ts';
import { inTimeOrLate } from '../late-answer.ts';
import type { OperationDeps } from '../operation.ts';
import { isChecksumAlgorithm } from '../payload/checksums.ts';
import type { S3Request } from '../types.ts';
import {
  asMissingSource,
  carriedTags,
  checkSourceOwner,
  refusePlainSelfCopy,
  withChecksum,
} from './copied-parts.ts';
import {
  type CopySource,
  closeSource,
  copySourceHeaders,
  copySourceOf,
  isSameStore,
  openSource,
  sourceInStore,
  sourceVersionHeaders,
} from './copy-source.ts';
import { refuseHiddenTags } from './copy-tags.ts';
import { invalid } from './list-request.ts';
import { quotedEtag } from './object-answer.ts';
import { writableObject } from './resolve.ts';
import { named, payerHeaders, policyHeaders, storedHeaders, writeConditionHeaders } from './write-headers.ts';
import { isoTime, xmlAnswer } from './xml-answer.ts';

/** Within one store the store copies; between two the bytes stream through, never held (S3-WIRE 92-95). */
export const copyObject =
  (deps: OperationDeps): WriteHandler =>
  async (request) => {
    const object = writableObject(deps, request);
    const source = copySourceOf(deps, request);
    const replaces = {
      metadata: isReplaced(request, 'metadata'),
      tagging: isReplaced(request, 'tagging'),
    };
    refusePlainSelfCopy(request, object, source);
    const headers = [...policyHeaders(request.headers), ...writeConditionHeaders(request.headers)];
    const within = isSameStore(source.object.mount, object.mount);
    await refuseHiddenTags(deps, request, source);
    const copy = within
      ? copyWithin(deps, request, {
          object,
          source,
          headers: [...storedHeaders(request.headers), ...headers],
        })
      : copyAcross(deps, request, { object, source, headers, replaces });
    const answer = deps.writer
      .write([object], copy)
      .then((result) =>
        result.answer((copied) => xmlAnswer('CopyObjectResult', copyResultOf(copied), copied.headers)),
      );
    return inTimeOrLate(answer, deps.settings.whiteSpaceIntervalMs);
  };

interface CopyPlan {
  readonly object: ObjectRef;
  readonly source: CopySource;
  readonly headers: HeaderList;
}

function copyWithin(deps: OperationDeps, request: S3Request, { object, source, headers }: CopyPlan) {
  const settings = named(request.headers, [
    'x-amz-metadata-directive',
    'x-amz-tagging-directive',
    'x-amz-checksum-algorithm',
  ]);
  return async (): Promise<UfsCopied> => {
    const ufs = await deps.ufsOf(object.mount);
    const copying = ufs.copy({
      ...sourceInStore(source, object),
      key: object.ufsKey,
      headers: [...headers, ...settings, ...copySourceHeaders(request)],
    });
    return copying.catch((error: unknown) => {
      throw asMissingSource(error, request, source.key);
    });
  };
}

function copyAcross(
  deps: OperationDeps,
  request: S3Request,
  plan: CopyPlan & { readonly replaces: { readonly metadata: boolean; readonly tagging: boolean } },
) {
  return async (): Promise<UfsCopied> => {
    const { object, source, replaces } = plan;
    const from = await deps.ufsOf(source.object.mount);
    const to = await deps.ufsOf(object.mount);
    await checkSourceOwner(from, request);
    const opened = await openSource(from, source, request);
    const stored = replaces.metadata ? storedHeaders(request.headers) : storedHeadersOf(opened.info);
    const policy = plan.headers.filter(([name]) => replaces.tagging || name !== 'x-amz-tagging');
    const copying = async (): Promise<UfsWritten> => {
      const { info, sizeBytes, body } = opened;
      const { ufsKey: key } = source.object;
      const payer = payerHeaders(request.headers);
      const tags = replaces.tagging ? [] : await carriedTags(from, { ...source, key, info }, payer);
      const upload = { sizeBytes, body: ownedPieces(body), headers: [...stored, ...policy, ...tags] };
      return to.put(object.ufsKey, withChecksum(upload, info, request));
    };
    const written = await copying().finally(() => closeSource(opened));
    return {
      headers: [...written.headers.filter(([name]) => name !== 'etag'), ...sourceVersionHeaders(opened)],
      etag: headerValue(written.headers, 'etag'),
      lastModifiedMs: Math.floor(deps.clock.wallMs() / 1000) * 1000,
      checksums: checksumElements(written.headers),
    };
  };
}

/** Of the answer to a put, for the document of a copy: `['ChecksumCRC32', value]`. */
export function checksumElements(headers: HeaderList): UfsCopied['checksums'] {
  return headers.flatMap(([name, value]) => {
    const algorithm = /^x-amz-checksum-(.*)$/.exec(name)?.[1] ?? '';
    return isChecksumAlgorithm(algorithm) ? [[`Checksum${algorithm.toUpperCase()}`, value] as const] : [];
  });
}

const storedName = /^(content-(type|language|disposition|encoding)|cache-control|expires|x-amz-meta-.*)$/;

function storedHeadersOf(info: ObjectInfo): HeaderList {
  return info.headers.filter(([name]) => storedName.test(name));
}

/** @throws S3Error InvalidArgument */
function isReplaced(request: S3Request, what: 'metadata' | 'tagging'): boolean {
  const name = `x-amz-${what}-directive`;
  const directive = request.headers.get(name);
  if (directive === undefined || directive === 'COPY') return false;
  if (directive === 'REPLACE') return true;
  throw invalid(name, directive, `Unknown ${what} directive.`);
}

/** Elements of CopyObjectResult and CopyPartResult. */
export function copyResultOf(copied: UfsCopied) {
  return {
    LastModified: isoTime(copied.lastModifiedMs),
    ETag: copied.etag === undefined ? undefined : quotedEtag(copied.etag),
    ...Object.fromEntries(copied.checksums),
  };
}
