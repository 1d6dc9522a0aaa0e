/**
 * The info store: memory above the persistent store, the fences beside them, and the one function that
 * installs. Everything here is synchronous: compare and install, or look and answer, happen in one tick
 * (DESIGN §4); only the log's file may have it a tick later.
 */
import { randomUUID } from 'node:crypto';
import type { BeginEpoch, WriteOutcome } from '@forebay/core/cache-node';
import { type Changes, noChanges } from '@forebay/core/changes';
import type { Clock } from '@forebay/core/clock';
import { assert, ForebayError } from '@forebay/core/errors';
import { type Homes, soleHome } from '@forebay/core/homes';
import type { Log } from '@forebay/core/log';
import {
  infoSlotOf,
  type Mount,
  type ObjectRef,
  placementKeyOf,
  ufsIdentityIn,
  ufsIdentityOf,
} from '@forebay/core/mount';
import { type ObjectInfo, versionOf } from '@forebay/core/object';
import type { InfoLog } from '../info-log/info-log.ts';
import { Fences, type Token } from './fences.ts';
import { LevelTwo } from './level-two.ts';
import { MemoryInfo } from './memory.ts';
import { ageMsOf, type InfoRecord, isFresh, isSameVersion, isUsableOnError } from './record.ts';

export interface InfoStoreOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Records in memory: one per object, mount and version asked for. */
  readonly entriesMax: number;
  readonly negativeTtlMs: () => number;
  readonly fencesOpenMax: number;
  /** Of what this node may answer. */
  readonly homes: Homes;
  /** Opens level two. @throws Error where it cannot be used now */
  readonly openPersistent: () => InfoLog;
  /** Hears, in the tick in which it happens, what other processes may not use any more. */
  readonly changes?: Changes | undefined;
}

export interface KnownInfo {
  readonly record: InfoRecord;
  readonly level: 'memory' | 'persistent';
  readonly fresh: boolean;
  readonly ageMs: number;
  readonly tenure: 'current' | 'earlier';
}

/** `peek` changes nothing: neither what is in memory nor what leaves it next. */
type Look = 'use' | 'peek';

export class InfoStore {
  readonly fences: Fences;
  readonly #options: InfoStoreOptions;
  /** A fence drops an object in every mount and version at once. */
  readonly #memory: MemoryInfo;
  readonly #changes: Changes;
  readonly #homes: Homes;
  #tenure = randomUUID();
  readonly #persistent: LevelTwo;

  constructor(options: InfoStoreOptions) {
    this.#options = options;
    const { clock, log, openPersistent: open, fencesOpenMax, homes, changes = noChanges } = options;
    [this.#homes, this.#changes] = [homes, changes];
    this.#memory = new MemoryInfo(options.entriesMax);
    this.#persistent = new LevelTwo({ open, clock, log, endTenure: () => this.endTenure() });
    this.fences = new Fences({ clock, fencesOpenMax });
  }

  get memoryCount(): number {
    return this.#memory.count;
  }

  /** `flush`: what is known outlives the process from now on, as far as the disk lets it. */
  get persistent(): Pick<LevelTwo, 'count' | 'flush'> {
    return this.#persistent;
  }

  /**
   * Whatever is remembered of the object, with the word whether rules (b) and (d) let it be used. Not rules
   * (a) and (c).
   */
  look(object: ObjectRef, how: Look = 'use'): KnownInfo | undefined {
    const placementKey = placementKeyOf(object);
    const key = this.#infoKeyOf(placementKey);
    const slot = infoSlotOf(object);
    const inMemory = how === 'peek' ? this.#memory.peek(key, slot) : this.#memory.get(key, slot);
    const record = inMemory ?? this.#persistent.get(key, slot);
    if (!record) return undefined;
    if (!inMemory && how === 'use') this.#memory.set(key, slot, record);
    const now = { tenure: this.#tenure, nowMs: this.#options.clock.monotonicMs() };
    const negativeTtlMs = this.#options.negativeTtlMs();
    const isUnbroken = this.#homes.isUnbroken(placementKey, record.stamp);
    return {
      record,
      level: inMemory ? 'memory' : 'persistent',
      fresh: isUnbroken && isFresh(record, { mount: object.mount, ...now, negativeTtlMs }),
      ageMs: ageMsOf(record, { ...now, wallMs: this.#options.clock.wallMs() }),
      tenure: isUnbroken && record.tenure === this.#tenure ? 'current' : 'earlier',
    };
  }

  /** What may be answered now without asking the UFS: the whole rule, in this one tick. */
  usable(object: ObjectRef, how: Look = 'use'): KnownInfo | undefined {
    if (!this.#mayUse(placementKeyOf(object))) return undefined;
    const known = this.look(object, how);
    if (known?.fresh) return known;
    const current = this.#lookCurrent(object, how);
    return current?.fresh ? current : undefined;
  }

  /**
   * What may be answered now where the UFS cannot: the rule with its freshness stretched as far as the mount
   * says, and nothing else of it, in this one tick.
   */
  usableOnError(object: ObjectRef): KnownInfo | undefined {
    if (!this.#mayUse(placementKeyOf(object))) return undefined;
    const { mount } = object;
    const now = { mount, tenure: this.#tenure, nowMs: this.#options.clock.monotonicMs() };
    return [this.look(object), this.#lookCurrent(object)].find(
      (known) => known?.tenure === 'current' && isUsableOnError(known.record, now),
    );
  }

  /**
   * Info of the version asked for, fresh or not: never to be answered with, but to know what may be cached
   * of it.
   */
  hint(object: ObjectRef, how: Look = 'use'): ObjectInfo | undefined {
    const known = this.look(object, how) ?? this.#lookCurrent(object, how);
    return known?.record.content.kind === 'object' ? known.record.content.info : undefined;
  }

  /** What is known of the current version, where that is the one asked for by its id: it says the same. */
  #lookCurrent(object: ObjectRef, how: Look = 'use'): KnownInfo | undefined {
    if (object.versionId === undefined) return undefined;
    const known = this.look({ ...object, versionId: undefined }, how);
    const content = known?.record.content;
    const isAsked = content?.kind === 'object' && content.info.versionId === object.versionId;
    return isAsked ? known : undefined;
  }

  /** Rules (a) and (c). */
  #mayUse(key: string): boolean {
    return !this.fences.isFenced(key) && !this.#homes.isDoubtful(key) && this.#homes.isHome(key);
  }

  /**
   * Takes the token that `install` will ask for. Call before the UFS request is sent. One of a node that is not
   * the home is good for nothing, also if it becomes it: others may have written since.
   */
  take(object: ObjectRef): Token {
    const key = placementKeyOf(object);
    const { stamp } = this.#homes;
    if (!this.#homes.isHome(key)) return { placementKey: key, stamp, current: false };
    return this.fences.take(key, stamp);
  }

  /** Whether what was read with this token is as new as if it were read now: to be shared, and installed. */
  isCurrent({ current, placementKey: key, stamp }: Token): boolean {
    return current && this.#mayUse(key) && this.#homes.isUnbroken(key, stamp);
  }

  /**
   * Installs what the home's own UFS read brought, if its token is still current; else does nothing. The only
   * way in.
   */
  install(object: ObjectRef, token: Token, read: Pick<InfoRecord, 'content' | 'sentAtMs' | 'sentAtWallMs'>) {
    const key = placementKeyOf(object);
    assert(token.placementKey === key, 'a token installs only the object it was taken for');
    if (!this.isCurrent(token)) return;
    const record: InfoRecord = { ...read, tenure: this.#tenure, stamp: this.#homes.stamp };
    const infoKey = this.#infoKeyOf(key);
    const slot = infoSlotOf(object);
    // The same version, confirmed, leaves true what is known of it elsewhere.
    const before = this.#memory.peek(infoKey, slot);
    const isOther = before && !isSameVersion(before, record);
    if (isOther) this.#changes.changed(key);
    this.#memory.set(infoKey, slot, record);
    // What is missing is remembered for seconds: not worth a row.
    if (record.content.kind === 'absent') this.#persistent.delete(infoKey);
    else this.#persistent.put(infoKey, slot, record);
    if (isOther) this.#persistent.write();
  }

  /** How long a record of this kind is used without asking the UFS. */
  ttlMsOf({ ttlMs }: Mount, kind: InfoRecord['content']['kind']): number {
    return kind === 'absent' ? Math.min(this.#options.negativeTtlMs(), ttlMs) : ttlMs;
  }

  /** Dropping is always allowed: nothing is remembered of the object any more, in any mount or version. */
  drop(object: ObjectRef): void {
    this.#drop(placementKeyOf(object));
  }

  /** `drop` for what is in memory of a UFS bucket's keys that begin with `keyPrefix`, but for those spared. */
  dropBelow(identity: string, keyPrefix: string, spares: (ufsKey: string) => boolean): void {
    const bucket = this.#infoKeyOf(`${identity}\0`);
    this.#changes.changed(identity);
    for (const key of this.#memory.keysFrom(bucket + keyPrefix)) {
      if (spares(key.slice(bucket.length))) continue;
      this.#memory.delete(key);
      this.#persistent.delete(key);
    }
  }

  /** `drop`, where what is remembered is still this version: somebody may have learnt of a later one. */
  dropVersion(object: ObjectRef, version: string): void {
    const isThis = (known: KnownInfo | undefined): boolean => {
      const content = known?.record.content;
      return content?.kind === 'object' && versionOf(content.info) === version;
    };
    if (isThis(this.look(object)) || isThis(this.#lookCurrent(object))) this.drop(object);
  }

  /** @throws ForebayError `overloaded`, `not-home`, with no fence opened. */
  beginWrite(objects: readonly ObjectRef[], fenceId: string, epoch?: BeginEpoch): void {
    const keys = objects.map(placementKeyOf);
    if (epoch !== 'carried') this.#checkHome(keys, epoch);
    this.fences.begin(keys, fenceId);
    for (const key of keys) this.#drop(key);
    this.#refuseUnforgettable(objects, () => this.fences.end(keys, fenceId, 'known'));
  }

  /** @throws ForebayError `not-home`: the fence is closed here, which counts for nothing */
  endWrite(objects: readonly ObjectRef[], fenceId: string, outcome: WriteOutcome, epoch?: number): void {
    const keys = objects.map(placementKeyOf);
    for (const key of keys) this.#drop(key);
    this.fences.end(keys, fenceId, outcome);
    this.#checkHome(keys, epoch);
  }

  /** For all objects of a bucket. @throws ForebayError `overloaded`, `not-home`, with no fence opened */
  beginBucketWrite(mount: Mount, fenceId: string, epoch?: BeginEpoch): void {
    const identity = ufsIdentityOf(mount.ufs);
    if (epoch !== 'carried') this.#checkHome('all', epoch);
    this.fences.begin([identity], fenceId);
    this.#renew(identity);
    this.#refuseUnforgettable([{ mount }], () => this.fences.end([identity], fenceId, 'known'));
  }

  /** @throws ForebayError `not-home`, as `endWrite` */
  endBucketWrite(mount: Mount, fenceId: string, outcome: WriteOutcome, epoch?: number): void {
    const identity = ufsIdentityOf(mount.ufs);
    this.#renew(identity);
    this.fences.end([identity], fenceId, outcome);
    this.#checkHome('all', epoch);
  }

  /** A fence counts only at the home of just the epoch by which it was chosen. */
  #checkHome(keys: readonly string[] | 'all', epoch = soleHome.stamp): void {
    const isHome = keys === 'all' ? this.#homes.isSettled() : keys.every((key) => this.#homes.isHome(key));
    if (isHome && epoch === this.#homes.stamp) return;
    throw new ForebayError('not-home', `this node is not the home by epoch ${epoch}`);
  }

  /** Nothing that was learnt so far may be used or installed any more, but for `immutable` mounts' rows. */
  endTenure(): void {
    this.#tenure = randomUUID();
    this.fences.voidAll();
    this.#memory.clear();
    this.#changes.allChanged();
  }

  close(): void {
    this.#persistent.close();
  }

  /** What is known of objects of `immutable` mounts is trusted by whoever finds it, also by a later process. */
  #refuseUnforgettable(objects: readonly Pick<ObjectRef, 'mount'>[], endFence: () => void): void {
    if (!objects.some(({ mount }) => mount.freshness === 'immutable') || this.#persistent.canForget()) return;
    endFence();
    throw new ForebayError('overloaded', 'the info store cannot forget on disk what the write makes untrue');
  }

  #renew(identity: string): void {
    this.#persistent.renew(identity);
    this.#changes.changed(identity);
  }

  #drop(placementKey: string): void {
    this.#changes.changed(placementKey);
    const key = this.#infoKeyOf(placementKey);
    this.#memory.delete(key);
    this.#persistent.delete(key);
  }

  /**
   * Names what is known of an object in this incarnation of its bucket. What was known of it in an earlier
   * one is never found again, and goes in its time as the oldest does.
   */
  #infoKeyOf(placementKey: string): string {
    const incarnation = this.#persistent.incarnationOf(ufsIdentityIn(placementKey));
    // In front, where no key of a client can stand.
    return incarnation === 0 ? placementKey : `${incarnation}\0${placementKey}`;
  }
}
