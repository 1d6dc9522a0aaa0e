/**
 * What an operator does to what is cached, by the keys that clients see: frees it, and gives it the policies that
 * hold now. Both walk over all that is stored, beside reads and writes.
 */
import type { CachePolicies } from '@forebay/core/cache-policy';
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
  async free({ keys, ...how }: FreeRequest): Promise<Freed> {
    const { store, info, mounts } = this.#options;
    if (!how.dryRun) this.#dropInfo(keys);
    return store.free({
      ...how,
      path: keys.key === undefined ? undefined : `${keys.bucket}/${keys.key}`,
      prefix: `${keys.bucket}/${keys.prefix}`,
      onObject: ({ path }) => {
        const object = how.dryRun ? undefined : resolvePath(mounts(), path);
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
    const { store, policies, mounts } = this.#options;
    while (this.#applyAgain) {
      this.#applyAgain = false;
      await store.applyPolicies(({ path, mountPath }) => {
        const object = resolvePath(mounts(), path);
        // Where another mount holds the key by now, nobody reads these pages, and they go in their time.
        if (!object || object.mount.path !== mountPath) return undefined;
        return policies.policyOf(object.mount, clientKeyOf(object));
      });
    }
  }

  /** Of every mount that has keys of these: too much is always allowed, too little is not. */
  #dropInfo(keys: KeyPattern): void {
    const { info, mounts } = this.#options;
    const exact = keys.key === undefined ? undefined : mounts().resolve(keys.bucket, keys.key);
    if (exact) info.drop(exact);
    for (const { ufs, keyPrefix } of mounts().ofBucket(keys.bucket)) {
      const identity = ufsIdentityOf(ufs);
      if (keyPrefix.startsWith(keys.prefix)) info.dropBelow(identity, ufs.prefix);
      else if (keys.prefix.startsWith(keyPrefix)) {
        info.dropBelow(identity, ufs.prefix + keys.prefix.slice(keyPrefix.length));
      }
    }
  }
}

/** `bucket/key` as clients see it. */
function resolvePath(mounts: MountTable, path: string): ObjectRef | undefined {
  const slash = path.indexOf('/');
  return mounts.resolve(path.slice(0, slash), path.slice(slash + 1));
}
