/**
 * Level two of the info store: what is known of objects, in a log of our own. A put appends a record with all
 * that is known of the object, a drop appends that nothing is; an index in memory says where each object's
 * latest record is. Puts wait in a buffer for a moment; a drop is in the system's hands before it returns,
 * in order after the puts before it, so that killing the process never brings a dropped record back. The
 * files together stay within a budget: the oldest segments go. Losing the log as a whole is safe.
 */
import { hash } from 'node:crypto';
import * as nodeFiles from 'node:fs';
import { MiB } from '@forebay/core/bytes';
import type { Clock } from '@forebay/core/clock';
import { assert } from '@forebay/core/errors';
import type { Log } from '@forebay/core/log';
import { versionOf } from '@forebay/core/object';
import type { InfoRecord } from '../info-store/record.ts';
import { hasKey, headerBytes, keyBytes, recordBytesMax, recordKind, sealFrame } from './frame.ts';
import type { LogFiles } from './log-files.ts';
import { mayHaveLogState, systemBootId } from './log-state.ts';
import { Maintenance } from './maintenance.ts';
import { OpenLog, type OpenLogOptions } from './open-log.ts';
import { decodePayload, encodePayload, type StoredInfo } from './payload.ts';

export interface InfoLogOptions {
  readonly directory: string;
  /** Of all files together; at least 1 MiB. */
  readonly sizeBytesMax: number;
  /** Entries are void and dropped so long after the UFS was asked; 0: never. */
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** The most of the log that a start has to replay, once the index was written down a first time. */
  readonly replayBytesMax?: number;
  readonly files?: LogFiles;
  /** Names this boot of the machine; undefined: the system is asked. */
  readonly bootId?: string;
}

/** How long a put may wait for others. */
const flushEveryMs = 50;
/** Mounts and versions of one object that are remembered; the oldest go. */
const slotsMax = 32;

export class InfoLog {
  readonly #options: InfoLogOptions;
  readonly #openOptions: OpenLogOptions;
  readonly #key = new Uint8Array(keyBytes);
  readonly #record = Buffer.allocUnsafe(recordBytesMax);
  #log: OpenLog;
  #maintenance: Maintenance;
  /** The tenure that puts are of, and its number within the session. */
  #tenure = { name: '', number: 0 };
  /** A drop may wait in the buffer, which was to be in the system's hands: its call failed. */
  #isDropOwed = false;
  #flushTimer: NodeJS.Timeout | undefined;
  #isFlushFailing = false;

  /** What cannot be read as a log is made anew, empty. @throws Error where that fails as well. */
  constructor(options: InfoLogOptions) {
    this.#options = options;
    this.#openOptions = {
      files: options.files ?? nodeFiles,
      directory: options.directory,
      sizeBytesMax: options.sizeBytesMax,
      bootId: options.bootId ?? systemBootId(),
      wallMs: () => options.clock.wallMs(),
      log: options.log,
    };
    this.#log = OpenLog.open(this.#openOptions);
    this.#maintenance = this.#maintain();
  }

  #maintain(): Maintenance {
    const { sizeBytesMax } = this.#options;
    // What a start replays in a second or two; a small log is done with sooner anyway.
    const replayBytesMax = Math.min(512 * MiB, Math.max(32 * MiB, sizeBytesMax / 8));
    return new Maintenance(this.#log, { replayBytesMax, ...this.#options });
  }

  /** Objects that something is known of. */
  get count(): number {
    return this.#log.index.count;
  }

  /** On disk, at most; and in memory, for the index. */
  get sizes(): { readonly diskBytes: number; readonly indexBytes: number } {
    return { diskBytes: this.#log.sizeBytes, indexBytes: this.#log.index.sizeBytes };
  }

  /** 0 for a bucket that was never deleted. */
  incarnationOf(identity: string): number {
    return this.#log.incarnations.of(identity);
  }

  /**
   * Begins the next incarnation of a bucket. @throws Error where that cannot be kept, or there are too many:
   * the tenure must end then, and the store be reset.
   */
  renew(identity: string): void {
    this.#log.renew(identity);
  }

  /** @throws Error where the disk cannot be read. */
  get(placementKey: string, slot: string): InfoRecord | undefined {
    this.#hash(placementKey);
    const part = this.#read(this.#find()).find((candidate) => candidate.slot === slot);
    if (!part || this.#isVoid(part)) return undefined;
    const { session, trustedFrom } = this.#log;
    const isCurrent = part.session === session && part.tenure === this.#tenure.number;
    return {
      content: { kind: 'object', info: part.info },
      sentAtMs: part.sentAtMs,
      sentAtWallMs: part.sentAtWallMs,
      tenure: isCurrent ? this.#tenure.name : '',
      stamp: part.stamp,
      isDoubtful: part.session < trustedFrom,
    };
  }

  /** @throws Error where it cannot be kept: what was known before may be there still. */
  put(placementKey: string, slot: string, record: InfoRecord): void {
    const { content } = record;
    assert(content.kind === 'object', 'only what exists is kept on disk');
    this.#hash(placementKey);
    const before = this.#readQuietly(this.#find());
    const replaced = before?.find((part) => part.slot === slot);
    const others = (before ?? [])
      .filter((part) => part !== replaced && !this.#isVoid(part))
      .slice(1 - slotsMax);
    const { sentAtMs, sentAtWallMs, tenure, stamp } = record;
    const origin = { session: this.#log.session, tenure: this.#numberOf(tenure), stamp };
    const part = { slot, ...origin, sentAtMs, sentAtWallMs, info: content.info };
    if (!this.#append([...others, part]) && !this.#append([part])) {
      this.delete(placementKey);
      return;
    }
    // What says otherwise than before is a drop of that; what cannot be read may have said anything.
    if (!before || (replaced && versionOf(replaced.info) !== versionOf(content.info)))
      this.#isDropOwed = true;
    this.#flushDrops();
    this.#afterAppend();
  }

  /** @returns false where they are too large for a record. */
  #append(parts: readonly StoredInfo[]): boolean {
    const payloadBytes = encodePayload(this.#record, headerBytes, parts);
    if (payloadBytes === undefined) return false;
    const location = this.#log.append(this.#sealed(recordKind.put, payloadBytes));
    this.#log.index.set(this.#word(0), this.#word(1), location);
    return true;
  }

  /**
   * Drops an object's record, with every mount and version. @throws Error where that cannot be kept, also
   * where an earlier drop still is not: the tenure must end then, and the store be reset.
   */
  delete(placementKey: string): void {
    this.#hash(placementKey);
    if (this.#find() !== 0) {
      this.#log.append(this.#sealed(recordKind.drop, 0));
      this.#isDropOwed = true;
      // Not before: a drop that could not be appended would have nothing to do when it is tried again.
      this.#log.index.delete(this.#word(0), this.#word(1));
    } else if (!this.#isDropOwed) return;
    this.#flushDrops();
    this.#afterAppend();
  }

  /** What was put outlives the process from now on, where the disk has room for it. */
  flush(): void {
    if (this.#log.segments.bufferedBytes > 0) this.#flushWaiting();
  }

  #flushDrops(): void {
    if (!this.#isDropOwed) return;
    this.#log.flush();
    this.#isDropOwed = false;
  }

  /** Whether a later process may find records here, and trust them. */
  get mayBeFound(): boolean {
    const { files, directory } = this.#openOptions;
    return mayHaveLogState(files, directory);
  }

  /** Drops every record by taking the files away, which works on a full disk too. @throws Error */
  reset(): void {
    this.#stop();
    this.#log.discard();
    this.#log = OpenLog.begin(this.#openOptions);
    this.#maintenance = this.#maintain();
    this.#tenure = { name: '', number: 0 };
    this.#isDropOwed = false;
  }

  close(): void {
    this.#stop();
    if (this.#log.isOver) return;
    try {
      this.#maintenance.dumpAll();
      this.#log.close();
    } catch (error) {
      this.#options.log.warn({ reason: (error as Error).message }, 'info log: not closed cleanly');
    }
  }

  #stop(): void {
    this.#maintenance.stop();
    this.#stopFlushing();
  }

  #stopFlushing(): void {
    clearInterval(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#isFlushFailing = false;
  }

  #afterAppend(): void {
    this.#maintenance.wake();
    if (this.#log.segments.bufferedBytes === 0) return;
    this.#flushTimer ??= setInterval(() => this.#flushWaiting(), flushEveryMs).unref();
  }

  /** Again and again, until there is room for what waits, or somebody else says that there is none. */
  #flushWaiting(): void {
    try {
      this.#log.flush();
      this.#stopFlushing();
    } catch (error) {
      const reason = (error as Error).message;
      if (!this.#isFlushFailing) this.#options.log.warn({ reason }, 'info log: puts wait');
      this.#isFlushFailing = true;
    }
  }

  /** Keys are up to 1 KiB and more: 16 bytes of a hash keep records and index small. */
  #hash(placementKey: string): void {
    const digest = hash('sha256', placementKey, 'binary');
    for (let index = 0; index < keyBytes; index += 1) this.#key[index] = digest.charCodeAt(index);
  }

  #word(word: 0 | 1): number {
    const key = this.#key;
    const at = word * 4;
    return (key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24)) >>> 0;
  }

  #find(): number {
    return this.#log.index.find(this.#word(0), this.#word(1));
  }

  /** All that the record there knows of the key: nothing, if it is another's. @throws Error of the disk. */
  #read(location: number): StoredInfo[] {
    const found = location === 0 ? undefined : this.#log.segments.read(location);
    if (!found || found.frame.kind !== recordKind.put) return [];
    const { bytes, at, frame } = found;
    if (!hasKey(bytes, at, this.#key)) return [];
    return decodePayload(bytes, at + headerBytes, at + headerBytes + frame.payloadBytes);
  }

  /** undefined where the disk cannot be read. */
  #readQuietly(location: number): StoredInfo[] | undefined {
    try {
      return this.#read(location);
    } catch {
      return undefined;
    }
  }

  #isVoid({ sentAtWallMs }: StoredInfo): boolean {
    const { ttlMs, clock } = this.#options;
    return ttlMs > 0 && clock.wallMs() - sentAtWallMs > ttlMs;
  }

  #numberOf(tenure: string): number {
    if (tenure !== this.#tenure.name) this.#tenure = { name: tenure, number: this.#tenure.number + 1 };
    return this.#tenure.number;
  }

  #sealed(kind: 1 | 2, payloadBytes: number): Buffer {
    const wallSeconds = Math.floor(this.#options.clock.wallMs() / 1000);
    const wholeBytes = sealFrame(this.#record, { kind, key: this.#key, wallSeconds, payloadBytes });
    return this.#record.subarray(0, wholeBytes);
  }
}
