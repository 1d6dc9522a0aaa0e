/** What the home remembers of an object: its info, or that there is none, and when the UFS said so. */
import type { UfsAnswer } from '@forebay/core/errors';
import type { Mount } from '@forebay/core/mount';
import { type ObjectInfo, versionOf } from '@forebay/core/object';

export interface InfoRecord {
  readonly content:
    | { readonly kind: 'object'; readonly info: ObjectInfo }
    | { readonly kind: 'absent'; readonly answer: UfsAnswer };
  /** When the UFS request that brought it was sent: by the monotonic clock of the tenure, and by the wall. */
  readonly sentAtMs: number;
  readonly sentAtWallMs: number;
  /** The tenure that installed it, and the stamp of the node's homes then. */
  readonly tenure: string;
  readonly stamp: number;
  /** A drop that came after it may be lost: not good before the UFS confirmed it, on no mount. */
  readonly isDoubtful?: boolean;
}

export interface FreshnessContext {
  readonly mount: Mount;
  readonly tenure: string;
  readonly nowMs: number;
  readonly negativeTtlMs: number;
}

/**
 * Rules (b) and (d) of DESIGN §4: of this tenure, and young enough for the mount's freshness. On
 * `immutable` mounts what exists stays good for ever, also from an earlier tenure, unless it is doubtful;
 * what was missing may appear.
 */
export function isFresh(record: InfoRecord, context: FreshnessContext): boolean {
  const { mount, tenure, nowMs, negativeTtlMs } = context;
  if (mount.freshness === 'always') return false;
  if (record.content.kind === 'object' && mount.freshness === 'immutable' && !record.isDoubtful) return true;
  if (record.tenure !== tenure) return false;
  const ttlMs = record.content.kind === 'absent' ? Math.min(negativeTtlMs, mount.ttlMs) : mount.ttlMs;
  return nowMs - record.sentAtMs < ttlMs;
}

/**
 * Whether info may be used after its time because the UFS is out of order: of this tenure, and not older than
 * the mount allows. Only what exists, and only where freshness is a matter of time (DESIGN §4, rule (d)).
 */
export function isUsableOnError(
  { content, tenure, sentAtMs }: InfoRecord,
  context: Omit<FreshnessContext, 'negativeTtlMs'>,
): boolean {
  const { freshness, ttlMs, staleIfErrorMs } = context.mount;
  if (content.kind !== 'object' || freshness !== 'ttl' || staleIfErrorMs === undefined) return false;
  return tenure === context.tenure && context.nowMs - sentAtMs < ttlMs + staleIfErrorMs;
}

/** Milliseconds since the UFS confirmed it; across tenures only the wall clock can tell. */
export function ageMsOf(record: InfoRecord, now: { tenure: string; nowMs: number; wallMs: number }): number {
  const age = record.tenure === now.tenure ? now.nowMs - record.sentAtMs : now.wallMs - record.sentAtWallMs;
  return Math.max(0, age);
}

export function isSameVersion({ content: a }: InfoRecord, { content: b }: InfoRecord): boolean {
  return a.kind === 'object' && b.kind === 'object' && versionOf(a.info) === versionOf(b.info);
}
