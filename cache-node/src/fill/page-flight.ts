/**
 * One page being filled: a borrowed buffer that grows, and everybody who waits for it. Readers copy bytes out
 * as they arrive, so that none of them, however slow, holds the page. It stays findable until the page store
 * has the page, or, where that does not keep it, until its readers have passed: a late reader finds the
 * flight, the page, or nothing, and then brings it again.
 */
import { assert } from '@forebay/core/errors';
import type { PageId } from '@forebay/core/page';
import type { UfsOrigin } from '@forebay/ufs/ufs-origin';
import type { BufferPool } from '../buffers/buffer-pool.ts';
import type { ByteBudget, Share } from './byte-budget.ts';

/** Somebody who needs a fill to go on. */
export interface FillReader {
  /** The page it is at. */
  readonly pageIndex: number;
  /** The fill may go on up to this page (exclusive). */
  readonly wantedEnd: number;
  /** A flight that it waits for has grown or ended. */
  wake(): void;
}

/** What a reader needs of the fill behind a flight. */
export interface FillHandle {
  /** First page the fill will not bring. */
  readonly endPage: number;
  /** The version that the fill asks the UFS for by its id; undefined: whatever is current. */
  readonly versionId: string | undefined;
  /** Whether it is this fill that brings the page, or has brought it. */
  brings(index: number): boolean;
  attach(reader: FillReader): void;
  detach(reader: FillReader): void;
  /** The pages before this one it brings itself, where nobody else does yet. */
  reserve(endPage: number): void;
  /** A reader has moved on: its `pageIndex` has grown. */
  moved(): void;
  /** A reader waits for a page of this fill: it is no longer ahead of anybody. */
  urge(): void;
}

export type FlightEnd =
  | { readonly kind: 'done' }
  /** The fill stopped before this page because nobody wanted it: look again. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly error: unknown };

export class PageFlight {
  readonly page: PageId;
  readonly lengthBytes: number;
  readonly fill: FillHandle;
  filledBytes = 0;
  /** Of the last bytes. */
  origin: UfsOrigin = 'ufs';
  end: FlightEnd | undefined;
  share: Share | undefined;
  #buffer: Buffer | undefined;
  #waiting: FillReader[] = [];

  constructor(page: PageId, lengthBytes: number, fill: FillHandle) {
    this.page = page;
    this.lengthBytes = lengthBytes;
    this.fill = fill;
  }

  /** Whether bytes can be copied out. */
  get isHeld(): boolean {
    return this.#buffer !== undefined;
  }

  /** The page, or what there is of it. Nobody may look at it after `release`. */
  get bytes(): Uint8Array {
    assert(this.#buffer, 'a page that is looked at is held');
    return this.#buffer.subarray(0, this.filledBytes);
  }

  /** Wakes the reader at the next bytes and at the end. */
  wait(reader: FillReader): void {
    this.#waiting.push(reader);
  }

  hold(buffer: Buffer): void {
    this.#buffer = buffer;
  }

  /** Appends what fits; the count of bytes taken. */
  append(bytes: Uint8Array, origin: UfsOrigin): number {
    this.origin = origin;
    assert(this.#buffer, 'a page is held before its first bytes');
    const taken = Math.min(bytes.byteLength, this.lengthBytes - this.filledBytes);
    this.#buffer.set(taken === bytes.byteLength ? bytes : bytes.subarray(0, taken), this.filledBytes);
    this.filledBytes += taken;
    this.#wakeAll();
    return taken;
  }

  finish(end: FlightEnd): void {
    this.end ??= end;
    this.#wakeAll();
  }

  /** Gives back the buffer and its share of the budget. */
  release(pool: BufferPool, budget: ByteBudget): void {
    if (this.#buffer) pool.give(this.#buffer);
    if (this.share) budget.release(this.share);
    this.#buffer = undefined;
    this.share = undefined;
  }

  #wakeAll(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const reader of waiting) reader.wake();
  }
}
