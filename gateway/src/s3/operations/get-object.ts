/** GetObject and HeadObject: what the cache node opens, or a direct read (S3-WIRE 74-87). */
import type { AbsentObject, CacheNode, OpenedObject } from '@forebay/core/cache-node';
import { UfsAnswerError } from '@forebay/core/errors';
import type { ObjectRef } from '@forebay/core/mount';
import { parseRange } from '@forebay/core/range-header';
import type { OperationDeps } from '../operation.ts';
import { parseIfRange, parseReadConditions } from '../read-conditions.ts';
import type { S3Handler, S3Request } from '../types.ts';
import { directRead, isDirectRead } from './direct-read.ts';
import { versionIdOf } from './named-ids.ts';
import { cacheHeaders, openedAnswer, wantsChecksums } from './object-answer.ts';
import { readableObject } from './resolve.ts';
import { responseOverrides } from './response-overrides.ts';

export const getObject =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const object = { ...readableObject(deps, request), versionId: versionIdOf(request.query) };
    if (isDirectRead(request)) return directRead(deps, request, { object, method: 'GET' });
    const overrides = responseOverrides(request);
    const opened = await openObject(deps.cacheNode, request, { object, want: 'bytes' });
    return openedAnswer(request, opened, overrides);
  };

/** HEAD asks the same of the cache node, but for the bytes: so both always agree (S3-WIRE 129). */
export const headObject =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const object = { ...readableObject(deps, request), versionId: versionIdOf(request.query) };
    if (isDirectRead(request)) return directRead(deps, request, { object, method: 'HEAD' });
    const overrides = responseOverrides(request);
    const opened = await openObject(deps.cacheNode, request, { object, want: 'info' });
    return openedAnswer(request, opened, overrides);
  };

async function openObject(
  cacheNode: CacheNode,
  request: S3Request,
  options: { readonly object: ObjectRef; readonly want: 'info' | 'bytes' },
): Promise<OpenedObject> {
  const opened = await cacheNode.open({
    ...options,
    range: parseRange(request.headers.get('range')),
    conditions: parseReadConditions(request.headers),
    ifRange: parseIfRange(request.headers.get('if-range')),
    needChecksums: wantsChecksums(request),
    signal: request.signal,
  });
  if (opened.kind === 'absent') throw absence(opened);
  return opened;
}

/** The UFS's own 404, and how it came. */
function absence({ answer, ...answered }: AbsentObject): UfsAnswerError {
  return new UfsAnswerError({ ...answer, headers: [...cacheHeaders(answered), ...(answer.headers ?? [])] });
}
