/**
 * Who may do what, asked before anything else is done for a request, so that a cached byte is as well guarded
 * as one of the UFS. The root user may do everything; users what their policies allow; anonymous callers may
 * read objects as they are now and list, where every mount that is touched says `anonymous: read`. Refusals say
 * no more than AccessDenied (DESIGN P8).
 */
import { isUfsAnswer } from '@forebay/core/errors';
import type { HeaderList } from '@forebay/core/object';
import type { S3Action } from '@forebay/core/policy/actions';
import type { Permissions } from '@forebay/core/policy/permissions';
import type { Registry } from '@forebay/core/registry';
import { intervalsWithPrefix } from '../namespace/key-intervals.ts';
import { OtherValues, RequestValues } from './condition-values.ts';
import { S3Error } from './errors.ts';
import type { Operation } from './operation.ts';
import { type ActionNeeds, actionNeedsOf, actionsOfHeaders } from './operation-actions.ts';
import { type CopySourceName, copySourceName } from './operations/copy-source-name.ts';
import { noSuchBucket } from './operations/resolve.ts';
import type { S3Answer, S3Request } from './types.ts';

/** @throws S3Error AccessDenied; NoSuchBucket where there is nothing to be refused (S3-WIRE 73) */
export function authorise(registry: Registry, operation: Operation, request: S3Request): void {
  const permissions = permissionsOf(request);
  if (permissions === 'all') return;
  if (permissions === 'anonymous') {
    if (operation.anonymous && isOpenToAll(registry, request)) return;
    throw new S3Error('AccessDenied');
  }
  const needs = actionNeedsOf(operation.name);
  if (needs.perKey || isAllowed(permissions, { operation, needs, request })) {
    const source = operation.headers === undefined ? undefined : copySourceName(request);
    if (source === undefined || mayCopy(permissions, request, source)) return;
  }
  const { bucket } = request;
  if (bucket !== undefined && operation.name !== 'CreateBucket') {
    if (registry.view().mounts.ofBucket(bucket).length === 0) throw noSuchBucket(bucket);
  }
  throw new S3Error('AccessDenied');
}

function permissionsOf({ principal }: S3Request): Permissions | 'all' | 'anonymous' {
  return principal.kind === 'anonymous' ? 'anonymous' : principal.permissions;
}

function isOpenToAll(registry: Registry, { bucket = '', key, query, headers }: S3Request): boolean {
  // The UFS would let the mount's own account pay.
  if (headers.get('x-amz-request-payer') !== undefined) return false;
  const { mounts } = registry.view();
  // What was overwritten or deleted is a right of its own (s3:GetObjectVersion).
  if (query.has('versionId')) return false;
  if (key !== undefined) return mounts.resolve(bucket, key)?.mount.anonymous === 'read';
  const listed = intervalsWithPrefix(mounts.ofBucket(bucket), query.get('prefix') ?? '');
  return listed.length > 0 && listed.every(({ mount }) => mount.anonymous === 'read');
}

interface Asked {
  readonly operation: Operation;
  readonly needs: ActionNeeds;
  readonly request: S3Request;
}

function isAllowed(permissions: Permissions, { operation, needs, request }: Asked): boolean {
  const values = new RequestValues(request, operation);
  const resource = resourceOf(request.bucket, request.key);
  const actions = request.query.has('versionId') ? needs.versioned : needs.plain;
  for (const action of actions) if (!permissions.allows(action, resource, values)) return false;
  return actionsOfHeaders(needs, request).every((action) => permissions.allows(action, resource, values));
}

/** What follows `arn:aws:s3:::`. */
function resourceOf(bucket: string | undefined, key: string | undefined): string {
  return key === undefined ? (bucket ?? '') : `${bucket}/${key}`;
}

function mayCopy(permissions: Permissions, request: S3Request, { bucket, key, versionId }: CopySourceName) {
  const values = new OtherValues(request, { 's3:VersionId': versionId });
  const action = versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion';
  return permissions.allows(action, resourceOf(bucket, key), values);
}

/** Whether the caller may read the tags of a copy's source, and put them on what the copy makes. */
export function mayCopyTags(request: S3Request, { bucket, key, versionId }: CopySourceName): boolean {
  const permissions = permissionsOf(request);
  if (permissions === 'all' || permissions === 'anonymous') return permissions === 'all';
  const values = new OtherValues(request, { 's3:VersionId': versionId });
  const action = versionId === undefined ? 's3:GetObjectTagging' : 's3:GetObjectVersionTagging';
  return (
    permissions.allows(action, resourceOf(bucket, key), values) &&
    permissions.allows(
      's3:PutObjectTagging',
      resourceOf(request.bucket, request.key),
      new OtherValues(request, {}),
    )
  );
}

/** Whether the caller may delete one of the keys that the body names. */
export function mayDelete(
  request: S3Request,
  { key, versionId }: { readonly key: string; readonly versionId?: string | undefined },
): boolean {
  const permissions = permissionsOf(request);
  if (permissions === 'all' || permissions === 'anonymous') return permissions === 'all';
  const needs = actionNeedsOf('DeleteObjects');
  const actions = versionId === undefined ? needs.plain : needs.versioned;
  const values = new OtherValues(request, { 's3:VersionId': versionId });
  const resource = resourceOf(request.bucket, key);
  return [...actions, ...actionsOfHeaders(needs, request)].every((action) =>
    permissions.allows(action, resource, values),
  );
}

/**
 * That a key is missing is told to those who could list it; others hear AccessDenied, as for a key that is
 * there and not theirs (S3-WIRE 73).
 */
export function asSeenBy(request: S3Request, error: unknown): unknown {
  const permissions = permissionsOf(request);
  if (permissions === 'all' || permissions === 'anonymous' || !isAbsence(error)) return error;
  const { bucket, key } = copySourceName(request) ?? request;
  if (bucket === undefined || key === undefined) return error;
  const mayList = [key, `${key}/`].some((prefix) =>
    permissions.allows('s3:ListBucket', bucket, new OtherValues(request, { 's3:prefix': prefix })),
  );
  return mayList ? error : new S3Error('AccessDenied', { cause: error });
}

/** What a read of an object tells of more than the object, and what it takes to hear it. */
const hidden: readonly (readonly [header: RegExp, action: S3Action, ofVersion: S3Action])[] = [
  [/^x-amz-tagging-count$/, 's3:GetObjectTagging', 's3:GetObjectVersionTagging'],
  [/^x-amz-object-lock-(mode|retain-until-date)$/, 's3:GetObjectRetention', 's3:GetObjectRetention'],
  [/^x-amz-object-lock-legal-hold$/, 's3:GetObjectLegalHold', 's3:GetObjectLegalHold'],
];

function mayBeHidden(name: string): boolean {
  return name.startsWith('x-amz-tagging') || name.startsWith('x-amz-object-lock');
}

/** An answer with the headers that the caller may see (AWS, HeadObject: "only returned if the requester has"). */
export function withoutHidden<Answer extends S3Answer>(request: S3Request, answer: Answer): Answer {
  const permissions = permissionsOf(request);
  if (permissions === 'all' || request.key === undefined) return answer;
  const versionId = request.query.get('versionId');
  const values = new OtherValues(request, { 's3:VersionId': versionId });
  const resource = resourceOf(request.bucket, request.key);
  const isHidden = ([header, plain, ofVersion]: (typeof hidden)[number], name: string) =>
    header.test(name) &&
    (permissions === 'anonymous' ||
      !permissions.allows(versionId === undefined ? plain : ofVersion, resource, values));
  const visible = (headers: HeaderList) =>
    headers.some(([name]) => mayBeHidden(name))
      ? headers.filter(([name]) => !hidden.some((row) => isHidden(row, name)))
      : headers;
  const headers = visible(answer.headers);
  const sharedHeaders = answer.sharedHeaders && visible(answer.sharedHeaders);
  const isSame = headers === answer.headers && sharedHeaders === answer.sharedHeaders;
  return isSame ? answer : { ...answer, headers, sharedHeaders };
}

function isAbsence(error: unknown): boolean {
  return (
    (error instanceof S3Error && error.code === 'NoSuchKey') || isUfsAnswer(error, 'NoSuchKey', 'NotFound')
  );
}
