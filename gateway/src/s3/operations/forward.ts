/**
 * Sub-resources of objects that go to the UFS as they are: method, query, headers and body, verified here and
 * signed there with the mount's own credentials (S3-WIRE 120, 126).
 */

import type { HeaderList } from '@forebay/core/object';
import { wholeOf } from '@forebay/core/pieces';
import type { UfsForward, UfsForwarded } from '@forebay/ufs/ufs';
import type { WriteHandler } from '../../write-object.ts';
import { S3Error } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Answer, S3Handler, S3Request } from '../types.ts';
import { parseRestoreRequest } from '../xml.ts';
import { invalid } from './list-request.ts';
import { versionIdOf } from './named-ids.ts';
import { readableObject, writableObject } from './resolve.ts';
import { named } from './write-headers.ts';

/** What of a request goes on, whatever it is about. Names: the query parameters that mean something. */
export async function forwardedParts(
  deps: OperationDeps,
  request: S3Request,
  names: readonly string[],
): Promise<Pick<UfsForward, 'query' | 'headers' | 'body'>> {
  versionIdOf(request.query);
  const isEmpty = request.body.sizeBytes === undefined;
  const bytes = isEmpty ? undefined : await request.body.bytes(deps.settings.xmlBodyBytesMax);
  const body = bytes && bytes.byteLength > 0 ? bytes : undefined;
  return { query: forwardedQuery(request, names), headers: forwardedHeaders(request), body };
}

export function forwardedQuery({ query }: S3Request, names: readonly string[]): UfsForward['query'] {
  return names.flatMap((name) => {
    const value = query.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
}

/**
 * All that S3 gives a meaning, also what is not known here; the driver leaves out what belongs to a
 * signature. A checksum that came as a trailer is known by now.
 */
function forwardedHeaders({ headers, body }: S3Request): HeaderList {
  const { trailer } = body;
  return [
    ...named(headers, ['content-type', 'content-md5']),
    ...headers.withPrefix('x-amz-'),
    ...(trailer ? [[trailer.name, trailer.value()] as const] : []),
  ];
}

/** @param names query parameters that go on, the sub-resource first; `versionId` goes along */
export const forwardObjectRead =
  (names: readonly string[]) =>
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const object = readableObject(deps, request);
    const parts = await forwardedParts(deps, request, [...names, 'versionId']);
    const ufs = await deps.ufsOf(object.mount);
    const method = methodOf(request);
    const { signal } = request;
    return streamedAnswer(
      await ufs.forward({ ...parts, method, effect: 'read', key: object.ufsKey, signal }),
    );
  };

/**
 * Changes what HEAD and GET say of the object, tag count and retention and the like: fenced as any write.
 * @param check refuses documents
 */
export const forwardObjectWrite =
  (names: readonly string[], check?: (document: Uint8Array) => void) =>
  (deps: OperationDeps): WriteHandler =>
  async (request) => {
    const object = writableObject(deps, request);
    const parts = await forwardedParts(deps, request, [...names, 'versionId']);
    if (parts.body) check?.(parts.body);
    const ufs = await deps.ufsOf(object.mount);
    const method = methodOf(request);
    const result = await deps.writer.write([object], async () =>
      wholeAnswer(await ufs.forward({ ...parts, method, effect: 'write', key: object.ufsKey })),
    );
    return result.answer((answer) => answer);
  };

const restoreOptions = new Set(['Days', 'Description', 'GlacierJobParameters', 'Tier']);

/**
 * A restore may also ask for a selection, which the store would write to whatever bucket the document names,
 * with the mount's own rights: past mounts, fences and policies. @throws S3Error NotImplemented, MalformedXML
 */
export function refuseSelection(document: Uint8Array): void {
  const other = parseRestoreRequest(document).find((name) => !restoreOptions.has(name));
  if (other !== undefined) throw new S3Error('NotImplemented', { fields: { Header: other } });
}

const attributeNames = new Set(['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize']);

/** (S3-WIRE 122) */
export const getObjectAttributes = (deps: OperationDeps): S3Handler => {
  const forward = forwardObjectRead(['attributes'])(deps);
  return async (request) => {
    const header = 'x-amz-object-attributes';
    const text = request.headers.get(header);
    if (text === undefined || text.trim() === '') {
      throw new S3Error('InvalidRequest', {
        message:
          'The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty',
      });
    }
    if (!text.split(',').every((name) => attributeNames.has(name.trim()))) {
      throw invalid(header, text, 'Invalid attribute name specified.');
    }
    return forward(request);
  };
};

export function methodOf({ method }: S3Request): UfsForward['method'] {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'PUT':
    case 'POST':
    case 'DELETE':
      return method;
    default:
      throw new S3Error('MethodNotAllowed', { fields: { Method: method } });
  }
}

export function streamedAnswer({ status, headers, body }: UfsForwarded): S3Answer {
  const isLengthKnown = headers.some(([name]) => name === 'content-length');
  return { status, headers, body, ...(!isLengthKnown && { chunked: true }) };
}

/** The answer to a write is read to its end before its fence is lifted. */
export async function wholeAnswer({ status, headers, body }: UfsForwarded): Promise<S3Answer> {
  const bytes = await wholeOf(body);
  const kept = headers.filter(([name]) => name !== 'content-length');
  return { status, headers: kept, body: bytes?.length ? bytes : undefined };
}
