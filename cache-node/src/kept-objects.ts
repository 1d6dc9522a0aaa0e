/**
 * What an operator does to what is cached, by the keys that clients see: frees it, and gives it the policies
 * that hold now. Both walk over all that is stored, beside reads and writes.
 */
import type { CachePolicies, CachePolicy } from '@forebay/core/cache-policy';
import type { Freed, FreeRequest } from '@forebay/core/freeing';
import type { KeyPattern } from '@forebay/core/key-pattern';
import { clientKeyOf, type MountTable, type ObjectRef, ufsIdentityOf } from '@forebay/core/mount';
import type { InfoStore } from './info-store/info-store.ts';
import type { PageStore } from './page-store/page-store.ts';

export interface KeptObjectsOptions {
  readonly store: PageStore;
  readonly info: InfoStore;
  readonly policies: CachePolicies;
  readonly mounts: () => MountTable;
}

export class KeptObjects {
  readonly #options: KeptObjectsOptions;
  #applying: Promise<void> | undefined;
  #applyAgain = false;

  constructor(options: KeptObjectsOptions) {
    this.#options = options;
  }

  /** @throws the signal's reason */
  async free({ keys, pinned, ...how }: FreeRequest): Promise<Freed> {
    const { store, info, mounts } = this.#options;
    how.signal.throwIfAborted();
    const spares = (path: string) => !pinned && this.#policyOf(path)?.pinned === true;
    if (!how.dryRun) this.#dropInfo(keys, spares);
    return store.free({
      ...how,
      path: keys.key === undefined ? undefined : `${keys.bucket}/${keys.key}`,
      prefix: `${keys.bucket}/${keys.prefix}`,
      spares,
      onObject: (path) => {
        const object = resolvePath(mounts(), path);
        if (object) info.drop(object);
      },
    });
  }

  /** Stored pages follow the policies of now. Calls while it goes on make it start over once. */
  applyPolicies(): Promise<void> {
    this.#applyAgain = true;
    this.#applying ??= this.#apply().finally(() => {
      this.#applying = undefined;
    });
    return this.#applying;
  }

  async #apply(): Promise<void> {
    const { store } = this.#options;
    while (this.#applyAgain) {
      this.#applyAgain = false;
      await store.applyPolicies(({ path, mountPath }) => this.#policyOf(path, mountPath));
    }
  }

  /** Undefined where no mount, or not this one, holds the key by now: then nobody reads its pages. */
  #policyOf(path: string, mountPath?: string): CachePolicy | undefined {
    const { policies, mounts } = this.#options;
    const object = resolvePath(mounts(), path);
    if (!object || (mountPath !== undefined && object.mount.path !== mountPath)) return undefined;
    return policies.policyOf(object.mount, clientKeyOf(object));
  }

  /** Of every mount that has keys of these: too much is always allowed, too little is not. */
  #dropInfo({ bucket, key, prefix }: KeyPattern, spares: (path: string) => boolean): void {
    const { info, mounts } = this.#options;
    const exact = key === undefined ? undefined : mounts().resolve(bucket, key);
    if (exact && !spares(`${bucket}/${key}`)) info.drop(exact);
    for (const { ufs, keyPrefix } of mounts().ofBucket(bucket)) {
      const isWhole = keyPrefix.startsWith(prefix);
      if (!isWhole && !prefix.startsWith(keyPrefix)) continue;
      const below = ufs.prefix + (isWhole ? '' : prefix.slice(keyPrefix.length));
      const isSpared = (ufsKey: string) => spares(`${bucket}/${keyPrefix}${ufsKey.slice(ufs.prefix.length)}`);
      info.dropBelow(ufsIdentityOf(ufs), below, isSpared);
    }
  }
}

/** `bucket/key` as clients see it. */
function resolvePath(mounts: MountTable, path: string): ObjectRef | undefined {
  const slash = path.indexOf('/');
  return mounts.resolve(path.slice(0, slash), path.slice(slash + 1));
}
