/** DeleteObjects: every named key is fenced, whatever becomes of it; one request per UFS (S3-WIRE 91). */
import { isKind, isUfsAnswer } from '@forebay/core/errors';
import { clientKeyOf, type Mount, type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import type { HeaderList } from '@forebay/core/object';
import type { UfsDeleted } from '@forebay/ufs/ufs';
import type { WriteHandler } from '../../write-object.ts';
import { mayDelete } from '../authorise.ts';
import { S3Error, s3Errors } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Request } from '../types.ts';
import { type DeleteEntry, parseDeleteObjects } from '../xml.ts';
import { deleteHeaderNames } from './delete-object.ts';
import { mountsOf } from './resolve.ts';
import { named } from './write-headers.ts';
import { xmlAnswer } from './xml-answer.ts';

interface Group {
  readonly mount: Mount;
  readonly entries: (DeleteEntry & { readonly object: ObjectRef })[];
}

export const deleteObjects =
  (deps: OperationDeps): WriteHandler =>
  async (request) => {
    mountsOf(deps, request);
    requireChecksum(request);
    const document = parseDeleteObjects(await request.body.bytes(deps.settings.xmlBodyBytesMax));
    const { groups, refused } = groupByMount(deps, request, document.objects);
    const headers = named(request.headers, deleteHeaderNames);
    const objects = groups.flatMap(({ entries }) => entries.map(({ object }) => object));
    const result = await deps.writer.write(distinct(objects), async () => {
      const answers: UfsDeleted[] = [];
      for (const group of groups) answers.push(...(await deleteGroup(deps, group, { headers, groups })));
      return answers;
    });
    return result.answer((deleted) => {
      const all = [...refused, ...deleted];
      return xmlAnswer('DeleteResult', {
        Deleted: document.quiet
          ? []
          : all.flatMap((answer) => ('error' in answer ? [] : [deletedOf(answer)])),
        Error: all.flatMap((answer) => ('error' in answer ? [errorOf(answer)] : [])),
      });
    });
  };

/** Without one, a damaged document could delete other keys than the client named. */
function requireChecksum({ headers, body }: S3Request): void {
  const checksums = headers
    .withPrefix('x-amz-checksum-')
    .filter(([name]) => name !== 'x-amz-checksum-mode' && name !== 'x-amz-checksum-algorithm');
  if (headers.get('content-md5') !== undefined || checksums.length > 0 || body.trailer) return;
  throw new S3Error('InvalidRequest', {
    message: 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
  });
}

function groupByMount(deps: OperationDeps, request: S3Request, entries: readonly DeleteEntry[]) {
  const { mounts } = deps.registry.view();
  const groups = new Map<Mount, Group>();
  const refused: UfsDeleted[] = [];
  for (const entry of entries) {
    const object = mounts.resolve(request.bucket ?? '', entry.key);
    const isAllowed = mayDelete(request, entry);
    if (!isAllowed || !object || object.mount.readOnly) {
      const message = !isAllowed
        ? s3Errors.AccessDenied.message
        : object
          ? `The mount ${object.mount.path} is read-only.`
          : 'No mount covers this key.';
      refused.push({ key: entry.key, versionId: entry.versionId, error: { code: 'AccessDenied', message } });
      continue;
    }
    const group = groups.get(object.mount) ?? { mount: object.mount, entries: [] };
    groups.set(object.mount, group);
    group.entries.push({ ...entry, object });
  }
  return { groups: [...groups.values()], refused };
}

/** Keys of the answers are the client's. */
async function deleteGroup(
  deps: OperationDeps,
  { mount, entries }: Group,
  { headers, groups }: { readonly headers: HeaderList; readonly groups: readonly Group[] },
): Promise<UfsDeleted[]> {
  const requests = entries.map(({ object, versionId, etag }) => ({ key: object.ufsKey, versionId, etag }));
  try {
    const ufs = await deps.ufsOf(mount);
    const answers = await ufs.deleteMany(requests, headers);
    return answers.map((answer) => ({ ...answer, key: clientKeyOf({ mount, ufsKey: answer.key }) }));
  } catch (error) {
    // What other mounts did stands, so one mount's refusal is told key by key. An unknown outcome never is.
    if (groups.length === 1 || isKind(error, 'state-unknown')) throw error;
    const refusal = isUfsAnswer(error)
      ? { code: error.answer.code, message: error.answer.message }
      : { code: 'ServiceUnavailable', message: s3Errors.ServiceUnavailable.message };
    return entries.map(({ key, versionId }) => ({ key, versionId, error: refusal }));
  }
}

/** A document may name a key in several versions: one fence is enough. */
function distinct(objects: readonly ObjectRef[]): ObjectRef[] {
  return [...new Map(objects.map((object) => [placementKeyOf(object), object])).values()];
}

function deletedOf(answer: Exclude<UfsDeleted, { error: unknown }>) {
  return {
    Key: answer.key,
    VersionId: answer.versionId,
    DeleteMarker: answer.deleteMarker || undefined,
    DeleteMarkerVersionId: answer.deleteMarkerVersionId,
  };
}

function errorOf(answer: Extract<UfsDeleted, { error: unknown }>) {
  return {
    Key: answer.key,
    VersionId: answer.versionId,
    Code: answer.error.code,
    Message: answer.error.message,
  };
}
