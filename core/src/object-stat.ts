/** What a node tells of one object: what is cached of it and why, and what a read would do now. */
import type { CacheResult } from './cache-node.ts';
import type { CachePolicy } from './cache-policy.ts';
import type { Freshness } from './mount.ts';
import type { ObjectInfo } from './object.ts';
import type { ByteRange } from './range.ts';

export interface ObjectStat {
  readonly nodeId: string;
  /** What the home holds of the object now, without asking the UFS. */
  readonly info: ObjectInfo | undefined;
  readonly absent: boolean;
  readonly level: 'memory' | 'persistent' | 'none';
  /** Usable without asking the UFS: young enough, of this tenure, and no write open or unsettled. */
  readonly fresh: boolean;
  readonly ageMs: number | undefined;
  readonly freshness: InfoFreshness;
  readonly fencesOpen: number;
  readonly unsettled: boolean;
  readonly pageSizeBytes: number;
  readonly pages: CachedPages;
  readonly policy: CachePolicy;
  /** Bytes of pages that count against the policy's quota now. */
  readonly scopeBytes: number;
  readonly forecast: ReadForecast;
}

export interface InfoFreshness {
  readonly mode: Freshness;
  /** How long info is used without asking: the mount's, or the node's where the object is known to be absent. */
  readonly ttlMs: number;
  /** Undefined: nothing is known, it is never asked for (`immutable`), or always. */
  readonly ttlLeftMs: number | undefined;
  /** `earlier`: known from before a restart, and to be confirmed. Undefined: nothing is known. */
  readonly tenure: 'current' | 'earlier' | undefined;
}

export interface CachedPages {
  readonly cached: number;
  readonly total: number;
  readonly cachedBytes: number;
  readonly places: readonly PagePlace[];
}

/** Pages of an object that lie together; one in memory and on disk counts in both places. */
export interface PagePlace {
  /** `packed`: with others in one file; `file`: one of its own. */
  readonly tier: 'memory' | 'packed' | 'file';
  /** Page directory; undefined in memory. */
  readonly directory: string | undefined;
  readonly pages: number;
  readonly bytes: number;
}

/** What a read would do, as far as can be known while the UFS still has what was last seen of it. */
export interface ReadForecast {
  /** False where nothing is known of the object: the answer of the UFS decides. */
  readonly certain: boolean;
  /** Of `x-cache`. */
  readonly cache: CacheResult;
  /** Sentences for people: why. */
  readonly reasons: readonly string[];
  /** Of the first segment, as `x-forebay-pages` has it. */
  readonly pages: { readonly hit: number; readonly total: number };
  /** Of the node that was asked; other nodes may ask for what they have not. */
  readonly ufsRequests: readonly UfsRequest[];
  /** Byte of the object from which on the bytes are read from the nodes that own them. */
  readonly elsewhereFrom?: number;
}

export interface UfsRequest {
  readonly method: 'HEAD' | 'GET';
  /** Bytes of the object that it brings; undefined for HEAD, and where only the answer will tell. */
  readonly range: ByteRange | undefined;
}
