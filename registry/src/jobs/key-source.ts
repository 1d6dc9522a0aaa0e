/**
 * The keys of a job, one after the other, from wherever it is: of listings, page by page, or of a manifest.
 * Nothing is held but one page.
 */

import type { JobWorkers, Listed } from '@forebay/core/job-worker';
import { type KeyPattern, parseKeyPattern } from '@forebay/core/key-pattern';
import { clientKeyOf, type Mount, type MountTable, type ObjectRef } from '@forebay/core/mount';
import { RegistryError } from '@forebay/core/registry-error';
import { compareUtf8 } from '@forebay/core/utf8-order';
import type { Cursor } from './job-record.ts';
import type { JobSpec } from './job-spec.ts';
import type { Manifest, Manifests } from './manifests.ts';

const listKeysMax = 1000;

export interface KeyItem {
  readonly bucket: string;
  readonly key: string;
  /** Undefined: no mount covers the key. */
  readonly object: ObjectRef | undefined;
  readonly listed: Listed | undefined;
  /** Where to go on once this key is done with. */
  readonly after: Cursor;
}

export interface KeySourceOptions {
  readonly spec: JobSpec;
  readonly mounts: MountTable;
  readonly workers: JobWorkers;
  readonly manifests: Manifests;
  readonly manifest: Manifest | undefined;
  /** Sends a listing, with limits and retries, and counts it. */
  readonly ask: <T>(list: () => Promise<T>) => Promise<T>;
  readonly signal: AbortSignal;
}

export function keysFrom(
  cursor: Cursor | undefined,
  options: KeySourceOptions,
): AsyncGenerator<KeyItem, void> {
  const { spec, manifest } = options;
  if (manifest) return manifestKeys(manifest, cursor && 'line' in cursor ? cursor.line : 0, options);
  return listedKeys(parseKeyPattern(spec.keys!), cursor && 'mount' in cursor ? cursor : undefined, options);
}

async function* manifestKeys(
  manifest: Manifest,
  from: number,
  { manifests, mounts }: KeySourceOptions,
): AsyncGenerator<KeyItem, void> {
  let line = from;
  for await (const { bucket, key, sizeBytes, etag } of manifests.lines(manifest, from)) {
    line += 1;
    const listed = sizeBytes === undefined ? undefined : { sizeBytes, etag };
    yield { bucket, key, object: mounts.resolve(bucket, key), listed, after: { line } };
  }
}

type ListCursor = Extract<Cursor, { mount: string }>;

async function* listedKeys(
  pattern: KeyPattern,
  cursor: ListCursor | undefined,
  options: KeySourceOptions,
): AsyncGenerator<KeyItem, void> {
  for (const mount of mountsOf(pattern, options.mounts)) {
    const order = cursor ? compareUtf8(mount.keyPrefix, cursor.mount) : 1;
    if (order < 0) continue;
    const at = order === 0 ? cursor : undefined;
    if (at?.step !== 'prefix') yield* keyItself(pattern, mount, options);
    yield* keysBelow(pattern, mount, at?.step === 'prefix' ? at.after : undefined, options);
  }
}

/**
 * A job on keys that no mount has would do nothing, and say that it is done. Of a manifest each key is told.
 * @throws RegistryError
 */
export function refuseUncovered({ keys, target }: JobSpec, mounts: MountTable): void {
  for (const text of [keys, target]) {
    if (text === undefined || mountsOf(parseKeyPattern(text), mounts).length > 0) continue;
    throw new RegistryError('not-mounted', `no mount covers ${text}; forebay mounts lists them`);
  }
}

/** Those that have keys of the pattern, by their place in the bucket: so that a cursor can name one. */
function mountsOf({ bucket, key, prefix }: KeyPattern, mounts: MountTable): Mount[] {
  return mounts
    .ofBucket(bucket)
    .filter(
      ({ keyPrefix }) =>
        keyPrefix.startsWith(prefix) || prefix.startsWith(keyPrefix) || key?.startsWith(keyPrefix),
    )
    .sort((a, b) => compareUtf8(a.keyPrefix, b.keyPrefix));
}

/** Of `s3://lake/hot` the object `hot`: the first that a listing of what begins so shows. */
async function* keyItself(
  { bucket, key }: KeyPattern,
  mount: Mount,
  { mounts, workers, ask, signal }: KeySourceOptions,
): AsyncGenerator<KeyItem, void> {
  const object = key === undefined ? undefined : mounts.resolve(bucket, key);
  if (key === undefined || !object || object.mount.path !== mount.path) return;
  const found = await ask(() =>
    workers.of(object, 0).worker.list({ mount, prefix: object.ufsKey, keysMax: 1, signal }),
  );
  const [first] = found.entries;
  if (first?.ufsKey !== object.ufsKey) return;
  yield {
    bucket,
    key,
    object,
    listed: first,
    after: { mount: mount.keyPrefix, step: 'prefix', after: undefined },
  };
}

async function* keysBelow(
  { bucket, prefix }: KeyPattern,
  mount: Mount,
  after: string | undefined,
  { mounts, workers, ask, signal }: KeySourceOptions,
): AsyncGenerator<KeyItem, void> {
  const { ufs, keyPrefix } = mount;
  if (!keyPrefix.startsWith(prefix) && !prefix.startsWith(keyPrefix)) return;
  const ufsPrefix = ufs.prefix + (keyPrefix.startsWith(prefix) ? '' : prefix.slice(keyPrefix.length));
  const place = { mount, ufsKey: ufsPrefix };
  let startAfter = after;
  for (;;) {
    const from = startAfter;
    const request = { mount, prefix: ufsPrefix, startAfter: from, keysMax: listKeysMax, signal };
    const { entries, truncated } = await ask(() => workers.of(place, 0).worker.list(request));
    for (const { ufsKey, sizeBytes, etag } of entries) {
      startAfter = ufsKey;
      const key = clientKeyOf({ mount, ufsKey });
      const object = mounts.resolve(bucket, key);
      // A nested mount hides what the one below it has under its path.
      if (object?.mount.path !== mount.path) continue;
      const listed = { sizeBytes, etag };
      yield { bucket, key, object, listed, after: { mount: keyPrefix, step: 'prefix', after: ufsKey } };
    }
    if (!truncated || entries.length === 0) return;
  }
}
