/**
 * Mounts: paths of the namespace (`/bucket` or `/bucket/prefix`) bound to UFS URIs. The longest prefix wins.
 * `parseMount` in mount-uri.ts makes them from text; nothing here reads files or secrets.
 */

export type Freshness = 'ttl' | 'always' | 'immutable';

/**
 * Where a mount's credentials come from; each gateway and cache node reads them itself, the registry never.
 */
export type CredentialsRef =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'profile'; readonly name: string }
  | { readonly kind: 'default' }
  | { readonly kind: 'anonymous' };

export type UfsLocation =
  | {
      readonly scheme: 's3';
      readonly bucket: string;
      /** Empty, or ends with `/`. Put before the rest of the client's key as it is. */
      readonly prefix: string;
      /** `http://host:port`, without a path; undefined: AWS's own endpoint of the region. */
      readonly endpoint: string | undefined;
      readonly region: string;
      readonly pathStyle: boolean;
      readonly credentials: CredentialsRef;
    }
  | { readonly scheme: 'file'; readonly directory: string; readonly prefix: '' };

export interface Mount {
  /** `/bucket` or `/bucket/prefix`, without a slash at the end. Unique, and part of the cache identity. */
  readonly path: string;
  readonly bucket: string;
  /** What keys of this mount begin with inside the bucket: empty, or the path's rest and a `/`. */
  readonly keyPrefix: string;
  /** As given, for people. Holds no secret. */
  readonly uri: string;
  readonly ufs: UfsLocation;
  readonly freshness: Freshness;
  readonly ttlMs: number;
  readonly readOnly: boolean;
  readonly pageSizeBytes: number;
  /** Larger objects are never cached (`BYPASS`). */
  readonly maxObjectSizeBytes: number;
  readonly anonymous: 'none' | 'read';
  /** When the mount was made: the bucket's creation date in ListBuckets. */
  readonly createdAtMs: number;
}

/**
 * An object as the namespace resolved it: `ufsKey` is the whole key at the UFS, the mount's prefix
 * included.
 */
export interface ObjectRef {
  readonly mount: Mount;
  readonly ufsKey: string;
}

/** `identity` is the UFS's own (`s3:http://host:port/bucket`, `file:/dir`), the same through every mount. */
export function ufsIdentityOf(location: UfsLocation): string {
  if (location.scheme === 'file') return `file:${location.directory}`;
  return `s3:${location.endpoint ?? `aws/${location.region}`}/${location.bucket}`;
}

/** Names an object for placement, info and fences: mounts that reach one UFS object share it. */
export function placementKeyOf(object: ObjectRef): string {
  return `${ufsIdentityOf(object.mount.ufs)}\0${object.ufsKey}`;
}

/** Names an object within one mount: info and pages stay per mount (DESIGN P8). */
export function objectIdOf(object: ObjectRef): string {
  return `${object.mount.path}\0${placementKeyOf(object)}`;
}

export class MountTable {
  readonly mounts: readonly Mount[];
  readonly #byBucket = new Map<string, Mount[]>();

  constructor(mounts: readonly Mount[]) {
    this.mounts = [...mounts].sort((a, b) => (a.path < b.path ? -1 : 1));
    for (const mount of this.mounts) {
      const ofBucket = this.#byBucket.get(mount.bucket) ?? [];
      ofBucket.push(mount);
      this.#byBucket.set(mount.bucket, ofBucket);
    }
    for (const ofBucket of this.#byBucket.values()) {
      ofBucket.sort((a, b) => b.keyPrefix.length - a.keyPrefix.length);
    }
  }

  /** Names of the buckets clients see, sorted. A bucket exists as soon as anything is mounted in it. */
  buckets(): string[] {
    return [...this.#byBucket.keys()].sort();
  }

  /** Mounts of a bucket, longest key prefix first; empty where there is no such bucket. */
  ofBucket(bucket: string): readonly Mount[] {
    return this.#byBucket.get(bucket) ?? [];
  }

  /** The mount that holds a key and the key at its UFS; undefined where no mount covers it. */
  resolve(bucket: string, key: string): ObjectRef | undefined {
    for (const mount of this.ofBucket(bucket)) {
      if (key.startsWith(mount.keyPrefix)) {
        return { mount, ufsKey: mount.ufs.prefix + key.slice(mount.keyPrefix.length) };
      }
    }
    return undefined;
  }
}

/** The key as clients see it. */
export function clientKeyOf(object: ObjectRef): string {
  return object.mount.keyPrefix + object.ufsKey.slice(object.mount.ufs.prefix.length);
}
