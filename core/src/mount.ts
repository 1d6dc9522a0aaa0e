/**
 * Mounts: paths of the namespace (`/bucket` or `/bucket/prefix`) bound to UFS URIs, and the pattern mount
 * `/{bucket}`, which shows every bucket of an endpoint under its own name. The longest prefix wins, a literal
 * mount before the pattern. `parseMount` in mount-uri.ts makes them from text; nothing here reads files or
 * secrets.
 */
import type { Priority } from './cache-policy.ts';

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

/** Stands for the bucket in the path and in the URI of a pattern mount. */
export const anyBucket = '{bucket}';

export interface Mount {
  /**
   * `/bucket` or `/bucket/prefix`, without a slash at the end. Unique, and part of the cache identity. The
   * buckets of the pattern mount all have its path, `/{bucket}`, so that metrics stay bounded.
   */
  readonly path: string;
  /** `{bucket}`: the pattern mount itself. */
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
  /** Larger objects are never cached (`BYPASS`). This and the next four hold where no rule says otherwise. */
  readonly maxObjectSizeBytes: number;
  /** Bytes of pages that this mount may hold; absent: unlimited. */
  readonly quotaBytes?: number | undefined;
  readonly priority: Priority;
  /** Requests for a page before it is stored. */
  readonly minUses: number;
  /** Pages are dropped this long after their fill; absent: never. */
  readonly cacheTtlMs?: number | undefined;
  /** UFS bytes to served bytes: over it, reads fetch less than whole pages. `Infinity`: no bound. */
  readonly amplificationMax: number;
  readonly anonymous: 'none' | 'read';
  /** Lists of the UFS may be kept this long, and lag; absent: never kept. */
  readonly listTtlMs?: number | undefined;
  /** A multipart upload that nobody touched for this long is aborted; absent: never. */
  readonly abortUploadsAfterMs?: number | undefined;
  /** With the UFS out of order, info may be used for so long after its time; absent: never. */
  readonly staleIfErrorMs?: number | undefined;
  /** False: no read is sent to the UFS a second time because its answer is late. */
  readonly hedge?: boolean | undefined;
  /** When the mount was made: the bucket's creation date in ListBuckets. */
  readonly createdAtMs: number;
  /** The pattern mount that this mount is one bucket of. */
  readonly pattern?: Mount | undefined;
}

/** AWS "General purpose buckets naming rules", as clients check them before they send. */
export function isBucketName(text: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text) &&
    !/\.\.|\.-|-\./.test(text) &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(text)
  );
}

export function isPattern(mount: Mount): boolean {
  return mount.bucket === anyBucket;
}

/** The mount that one bucket of a pattern mount is. */
function bucketOfPattern(pattern: Mount, bucket: string): Mount {
  const { ufs } = pattern;
  return { ...pattern, bucket, ufs: ufs.scheme === 's3' ? { ...ufs, bucket } : ufs, pattern };
}

/**
 * An object as the namespace resolved it: `ufsKey` is the whole key at the UFS, the mount's prefix
 * included.
 */
export interface ObjectRef {
  readonly mount: Mount;
  readonly ufsKey: string;
  /** A version by its id, as a client named it; undefined: the current one. Never empty. */
  readonly versionId?: string | undefined;
}

/** Part of the key of every look at what is known. */
const identities = new WeakMap<UfsLocation, string>();

/** `identity` is the UFS's own (`s3:http://host:port/bucket`, `file:/dir`), the same through every mount. */
export function ufsIdentityOf(location: UfsLocation): string {
  let identity = identities.get(location);
  if (identity === undefined) {
    identity = identityOf(location);
    identities.set(location, identity);
  }
  return identity;
}

function identityOf(location: UfsLocation): string {
  if (location.scheme === 'file') return `file:${location.directory}`;
  return `s3:${location.endpoint ?? `aws/${location.region}`}/${location.bucket}`;
}

/**
 * Names an object for placement and fences, whatever version is asked for: mounts that reach one UFS object
 * share it, and a write concerns all its versions.
 */
export function placementKeyOf(object: ObjectRef): string {
  return `${ufsIdentityOf(object.mount.ufs)}\0${object.ufsKey}`;
}

/** The UFS bucket, or directory, of a placement key: its `ufsIdentityOf`. */
export function ufsIdentityIn(placementKey: string): string {
  const at = placementKey.indexOf('\0');
  return at < 0 ? placementKey : placementKey.slice(0, at);
}

/**
 * Names an object within one mount, whatever version is asked for: info and pages stay per mount (DESIGN
 * P8).
 */
export function objectIdOf(object: ObjectRef): string {
  return `${object.mount.path}\0${placementKeyOf(object)}`;
}

/**
 * Names what one mount knows of an object's current version, or of a named one. A mount's path begins with a
 * slash and a JSON text ends with itself, so no id and no path can be taken for another slot.
 */
export function infoSlotOf({ mount, versionId }: ObjectRef): string {
  return versionId === undefined ? mount.path : `${JSON.stringify(versionId)}${mount.path}`;
}

/** Buckets of the pattern mount that a table keeps at hand. */
const patternBucketsMax = 1_000;
const none: readonly Mount[] = [];

export class MountTable {
  /** All that is mounted, by path; the pattern mount as itself. */
  readonly mounts: readonly Mount[];
  /** The pattern mount, through which buckets are listed, made and deleted. */
  readonly pattern: Mount | undefined;
  readonly #byBucket = new Map<string, Mount[]>();
  /** Buckets with a part that the pattern mount holds, as they are asked for; the oldest go first. */
  readonly #ofPattern = new Map<string, readonly Mount[]>();

  constructor(mounts: readonly Mount[]) {
    this.mounts = [...mounts].sort((a, b) => (a.path < b.path ? -1 : 1));
    this.pattern = this.mounts.find(isPattern);
    for (const mount of this.mounts) {
      if (isPattern(mount)) continue;
      const ofBucket = this.#byBucket.get(mount.bucket) ?? [];
      ofBucket.push(mount);
      this.#byBucket.set(mount.bucket, ofBucket);
    }
    for (const ofBucket of this.#byBucket.values()) {
      ofBucket.sort((a, b) => b.keyPrefix.length - a.keyPrefix.length);
    }
  }

  /**
   * Names of the buckets that literal mounts make, sorted: one exists as soon as anything is mounted in it.
   * Which others the pattern mount shows only its UFS knows.
   */
  buckets(): string[] {
    return [...this.#byBucket.keys()].sort();
  }

  /** Literal mounts of a bucket, longest key prefix first. */
  literalOf(bucket: string): readonly Mount[] {
    return this.#byBucket.get(bucket) ?? none;
  }

  /**
   * Mounts of a bucket, longest key prefix first; empty where there is no such bucket. Keys that no literal
   * mount covers are the pattern mount's, whose UFS knows whether the bucket exists.
   */
  ofBucket(bucket: string): readonly Mount[] {
    const literal = this.literalOf(bucket);
    if (!this.pattern || literal.at(-1)?.keyPrefix === '') return literal;
    return this.#ofPattern.get(bucket) ?? this.#withPattern(this.pattern, bucket, literal);
  }

  #withPattern(pattern: Mount, bucket: string, literal: readonly Mount[]): readonly Mount[] {
    if (!isBucketName(bucket)) return literal;
    const mounts = [...literal, bucketOfPattern(pattern, bucket)];
    if (this.#ofPattern.size >= patternBucketsMax) {
      const [oldest] = this.#ofPattern.keys();
      this.#ofPattern.delete(oldest!);
    }
    this.#ofPattern.set(bucket, mounts);
    return mounts;
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
