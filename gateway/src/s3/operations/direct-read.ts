/**
 * Reads that always go to the UFS and are never cached: single parts, SSE-C, and requests whose headers only
 * the UFS can judge (S3-WIRE 80, 84, 126).
 */
import type { ObjectRef } from '@forebay/core/mount';
import type { HeaderList } from '@forebay/core/object';
import type { UfsForwarded } from '@forebay/ufs/ufs';
import { S3Error } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Answer, S3Request } from '../types.ts';
import { cacheHeaders } from './object-answer.ts';
import { responseOverrides } from './response-overrides.ts';

const sseCustomer = 'x-amz-server-side-encryption-customer-';
const headerNames = [
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'x-amz-checksum-mode',
  'x-amz-expected-bucket-owner',
  'x-amz-request-payer',
];

/** Only the UFS knows what they ask for: who owns the bucket, and whether it is the reader who pays. */
const uncachedNames = ['x-amz-expected-bucket-owner', 'x-amz-request-payer'];

/** Of one connection or one server, not of the object. */
const notForwarded = new Set([
  'connection',
  'date',
  'keep-alive',
  'server',
  'transfer-encoding',
  'x-amz-id-2',
  'x-amz-request-id',
]);

export function isDirectRead({ query, headers }: S3Request): boolean {
  return (
    query.has('partNumber') ||
    headers.hasPrefix(sseCustomer) ||
    uncachedNames.some((name) => headers.get(name) !== undefined)
  );
}

export async function directRead(
  deps: OperationDeps,
  request: S3Request,
  options: { readonly object: ObjectRef; readonly method: 'GET' | 'HEAD' },
): Promise<S3Answer> {
  const overrides = responseOverrides(request);
  refuseBadPartNumber(request);
  const { mount, ufsKey, versionId } = options.object;
  const partNumber = request.query.get('partNumber');
  const ufs = await deps.ufsOf(mount);
  const answer = await ufs.forward({
    effect: 'read',
    method: options.method,
    key: ufsKey,
    query: [
      ...(versionId === undefined ? [] : [['versionId', versionId] as const]),
      ...(partNumber === undefined ? [] : [['partNumber', partNumber] as const]),
    ],
    headers: forwardedHeaders(request),
    signal: request.signal,
  });
  const replaced = new Set(overrides.map(([name]) => name));
  return {
    status: answer.status,
    headers: [
      ...cacheHeaders({ cache: 'BYPASS', nodeId: deps.cacheNode.nodeId }),
      ...toldHeaders(answer, request).filter(([name]) => !replaced.has(name)),
      ...overrides,
    ],
    body: answer.body,
    cache: 'BYPASS',
  };
}

/** A range never carries checksums of the whole, and STANDARD goes without saying (S3-WIRE 68, 74). */
function toldHeaders({ status, headers }: UfsForwarded, request: S3Request): HeaderList {
  const isRange = status === 206 && request.headers.get('range') !== undefined;
  return headers.filter(
    ([name, value]) =>
      !notForwarded.has(name) &&
      !(isRange && name.startsWith('x-amz-checksum-')) &&
      !(name === 'x-amz-storage-class' && value === 'STANDARD'),
  );
}

function forwardedHeaders({ headers }: S3Request): HeaderList {
  const single = headerNames.flatMap((name) => {
    const value = headers.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return [...single, ...headers.withPrefix(sseCustomer)];
}

function refuseBadPartNumber({ query, headers }: S3Request): void {
  const partNumber = query.get('partNumber');
  if (partNumber === undefined) return;
  if (headers.get('range') !== undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'Cannot specify both Range header and partNumber query parameter',
    });
  }
  if (!/^\d{1,5}$/.test(partNumber) || Number(partNumber) < 1 || Number(partNumber) > 10_000) {
    throw new S3Error('InvalidArgument', {
      message: 'Part number must be an integer between 1 and 10000, inclusive.',
      fields: { ArgumentName: 'partNumber', ArgumentValue: partNumber },
    });
  }
}
