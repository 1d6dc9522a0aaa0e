/**
 * Who may do what. The root user may do everything; anonymous callers may read objects and list, where every
 * mount that is touched says `anonymous: read`. Refusals say no more than AccessDenied (DESIGN P8).
 */
import type { Registry } from '@forebay/core/registry';
import { intervalsWithPrefix } from '../namespace/key-intervals.ts';
import { S3Error } from './errors.ts';
import type { Operation } from './operation.ts';
import type { S3Request } from './types.ts';

/** @throws S3Error AccessDenied */
export function authorise(registry: Registry, operation: Operation, request: S3Request): void {
  if (request.principal.kind === 'user') return;
  if (!operation.anonymous || !isOpenToAll(registry, request)) throw new S3Error('AccessDenied');
}

function isOpenToAll(registry: Registry, { bucket = '', key, query }: S3Request): boolean {
  const { mounts } = registry.view();
  if (key !== undefined) return mounts.resolve(bucket, key)?.mount.anonymous === 'read';
  const listed = intervalsWithPrefix(mounts.ofBucket(bucket), query.get('prefix') ?? '');
  return listed.length > 0 && listed.every(({ mount }) => mount.anonymous === 'read');
}
