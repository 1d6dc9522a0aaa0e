/** GetObject and HeadObject: what the cache node opens, or a direct read (S3-WIRE 74-87). */
import type { AbsentObject, OpenedObject, OpenRequest } from '@forebay/core/cache-node';
import type { ReadConditions } from '@forebay/core/conditions';
import { UfsAnswerError } from '@forebay/core/errors';
import type { ObjectRef } from '@forebay/core/mount';
import type { RangeRequest } from '@forebay/core/range';
import { parseRange } from '@forebay/core/range-header';
import type { OperationDeps } from '../operation.ts';
import { parseIfRange, parseReadConditions } from '../read-conditions.ts';
import type { S3Answer, S3Handler, S3HandlerNow, S3Request } from '../types.ts';
import { directRead, isDirectRead } from './direct-read.ts';
import { versionIdOf } from './named-ids.ts';
import { cacheHeaders, openedAnswer, wantsChecksums } from './object-answer.ts';
import { readableObject } from './resolve.ts';
import { responseOverrides } from './response-overrides.ts';

/** HEAD asks the same of the cache node, but for the bytes: so both always agree (S3-WIRE 129). */
type Want = OpenRequest['want'];

export const getObject = (deps: OperationDeps): S3Handler => read(deps, 'bytes');
export const headObject = (deps: OperationDeps): S3Handler => read(deps, 'info');
export const getObjectNow = (deps: OperationDeps): S3HandlerNow => readNow(deps, 'bytes');
export const headObjectNow = (deps: OperationDeps): S3HandlerNow => readNow(deps, 'info');

const read =
  (deps: OperationDeps, want: Want): S3Handler =>
  async (request) => {
    const object = objectOf(deps, request);
    if (isDirectRead(request)) {
      return directRead(deps, request, { object, method: want === 'info' ? 'HEAD' : 'GET' });
    }
    const overrides = responseOverrides(request);
    const opened = await deps.cacheNode.open(new ReadRequest(request, object, want));
    return answerOf(request, opened, overrides);
  };

const readNow =
  (deps: OperationDeps, want: Want): S3HandlerNow =>
  (request, soon) => {
    const { cacheNode } = deps;
    const object = objectOf(deps, request);
    if (isDirectRead(request)) return undefined;
    const overrides = responseOverrides(request);
    const asked = new ReadRequest(request, object, want);
    const now = cacheNode.openNow?.(asked);
    if (now) return answerOf(request, now, overrides);
    soon.leave = cacheNode.openSoon?.(asked, (opened, error) =>
      soon.settle(() => {
        if (!opened) throw error;
        return answerOf(request, opened, overrides);
      }),
    );
    return undefined;
  };

/** @throws S3Error NoSuchBucket, NoSuchKey, InvalidArgument */
function objectOf(deps: OperationDeps, request: S3Request): ObjectRef {
  const { mount, ufsKey } = readableObject(deps, request);
  return { mount, ufsKey, versionId: versionIdOf(request.query) };
}

/** What a request asks of the cache node. Its signal is the request's, made only if somebody looks at it. */
class ReadRequest implements OpenRequest {
  readonly object: ObjectRef;
  readonly want: Want;
  readonly range: RangeRequest | undefined;
  readonly conditions: ReadConditions | undefined;
  readonly ifRange: OpenRequest['ifRange'];
  readonly needChecksums: boolean;
  readonly #request: S3Request;

  constructor(request: S3Request, object: ObjectRef, want: Want) {
    const { headers } = request;
    this.object = object;
    this.want = want;
    this.range = parseRange(headers.get('range'));
    this.conditions = parseReadConditions(headers);
    this.ifRange = parseIfRange(headers.get('if-range'));
    this.needChecksums = wantsChecksums(request);
    this.#request = request;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }
}

/** @throws UfsAnswerError where there is no such object */
function answerOf(
  request: S3Request,
  opened: OpenedObject | AbsentObject,
  overrides: Parameters<typeof openedAnswer>[2],
): S3Answer {
  if (opened.kind === 'absent') throw absence(opened);
  return openedAnswer(request, opened, overrides);
}

/** The UFS's own 404, and how it came. */
function absence({ answer, ...answered }: AbsentObject): UfsAnswerError {
  return new UfsAnswerError({ ...answer, headers: [...cacheHeaders(answered), ...(answer.headers ?? [])] });
}
