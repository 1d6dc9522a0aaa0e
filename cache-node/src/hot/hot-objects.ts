/**
 * Objects that this process answers without asking their home: their info, with the counters that say while
 * it may be used, and their pages. Both are bounded, and the longest unused goes first.
 *
 * Why an answer from here obeys the rule of DESIGN §4. The home looked at its info, usable by the whole rule,
 * after it had read the counters; it counts up in the same tick in which it drops info, opens or closes a
 * fence, installs another version, or ends its tenure. Here, in the one tick of the answer and after the
 * request arrived, the counters still have those values: so nothing of that had happened by then that anyone
 * could know of. A write is acknowledged, and its UFS request sent, only after its home counted. Age counts
 * from before the home was asked, so that info is taken to be older than it is, never younger.
 */
import type { OpenedObject, OpenRequest } from '@forebay/core/cache-node';
import type { Cells } from '@forebay/core/changes';
import type { Clock } from '@forebay/core/clock';
import { infoSlotOf, type ObjectRef } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import { openedOf } from '@forebay/core/open-answers';
import { needsChecksums, type OpenPlan, planOf } from '@forebay/core/open-plan';
import { type PageId, type PageSetId, pagesOf } from '@forebay/core/page';
import type { ByteRange } from '@forebay/core/range';
import { LRUCache } from 'lru-cache';
import { memoryPageBytesMax } from '../page-store/memory.ts';
import type { HotPart } from './hot-body.ts';
import type { CellValue, HotFacts, HotPageFacts } from './hot-facts.ts';
import { type HotFile, HotFiles, readPacked } from './hot-files.ts';

export interface HotObjectsOptions {
  readonly cells: Cells;
  readonly clock: Clock;
  readonly nodeId: string;
  readonly objectsMax: number;
  readonly memoryBytesMax: number;
  readonly filesMax: number;
}

/** What is known of an object, in one mount and version as it was asked for. */
interface HotInfo {
  readonly info: ObjectInfo;
  readonly set: PageSetId;
  /** By this process's monotonic clock. */
  readonly sentAtMs: number;
  readonly freshUntilMs: number;
  readonly cells: readonly CellValue[];
}

interface HotBytes {
  readonly bytes: Uint8Array;
  readonly expiresAtMs: number | undefined;
}

/** An answer without its body, and what that is made of. */
export interface HotAnswer {
  readonly opened: OpenedObject;
  /** Empty where the answer has no body. */
  readonly parts: readonly HotPart[];
  readonly set: PageSetId;
}

/** Pages of one hot answer: more would need too many open files. */
export const hotPagesMax = 96;
/** Of small pages: what one costs beside its bytes. */
const entryBytes = 200;
/** Larger pages are read where they lie. */
const copiedBytesMax = memoryPageBytesMax;

export class HotObjects {
  readonly #options: HotObjectsOptions;
  readonly #infos: LRUCache<string, HotInfo>;
  readonly #copies: LRUCache<string, HotBytes>;
  readonly #files: HotFiles;

  constructor(options: HotObjectsOptions) {
    this.#options = options;
    this.#infos = new LRUCache({ max: options.objectsMax });
    this.#copies = new LRUCache({
      maxSize: Math.max(1, options.memoryBytesMax),
      sizeCalculation: ({ bytes }) => bytes.byteLength + entryBytes,
    });
    this.#files = new HotFiles({ openMax: options.filesMax });
  }

  get infoCount(): number {
    return this.#infos.size;
  }

  get memoryBytes(): number {
    return this.#copies.calculatedSize;
  }

  /** The whole look and the whole rule, in this one tick; undefined: the home has to be asked. */
  answer(request: OpenRequest): HotAnswer | undefined {
    const { object } = request;
    if (object.mount.freshness === 'always') return undefined;
    const name = nameOf(object);
    const known = this.#infos.get(name);
    if (!known) return undefined;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs >= known.freshUntilMs || !this.#areUnchanged(known.cells)) {
      this.#infos.delete(name);
      return undefined;
    }
    if (needsChecksums(request) && !known.info.checksumsKnown) return undefined;
    const plan = planOf(request, known.info);
    if (request.want === 'info' || plan.condition !== 'met' || plan.range === 'unsatisfiable') {
      return this.#answerOf(known, plan, nowMs, []);
    }
    const parts = this.#partsOf(known.set, plan.range, object.mount.pageSizeBytes);
    return parts && this.#answerOf(known, plan, nowMs, parts);
  }

  /**
   * Keeps what the home told. Resolves when its pages are here as well. @param askedAtMs when the home was
   * asked, monotonic
   */
  async learn(object: ObjectRef, facts: HotFacts, askedAtMs: number): Promise<void> {
    const { info, set, cells, ageMs, freshForMs } = facts;
    const freshUntilMs = askedAtMs + freshForMs;
    this.#infos.set(nameOf(object), { info, set, cells, sentAtMs: askedAtMs - ageMs, freshUntilMs });
    for (const page of facts.pages) await this.#keep({ set, index: page.index }, page);
  }

  /** Whether info of it is kept, usable or not. */
  knows(object: ObjectRef): boolean {
    return this.#infos.has(nameOf(object));
  }

  /** Not to be read here any more: it failed. */
  dropPage(page: PageId): void {
    this.#files.drop(pageName(page));
    this.#copies.delete(pageName(page));
  }

  close(): void {
    this.#infos.clear();
    this.#copies.clear();
    this.#files.close();
  }

  #answerOf(known: HotInfo, plan: OpenPlan, nowMs: number, parts: readonly HotPart[]): HotAnswer {
    const opened = openedOf({
      ...plan,
      info: known.info,
      ageMs: nowMs - known.sentAtMs,
      nodeId: this.#options.nodeId,
      cache: 'HIT',
      pages: { hit: parts.length, total: parts.length },
    });
    return { opened, parts, set: known.set };
  }

  #areUnchanged(values: readonly CellValue[]): boolean {
    const { cells } = this.#options;
    for (const { cell, value } of values) if (cells.valueOf(cell) !== value) return false;
    return true;
  }

  /** Undefined where a page is not at hand. */
  #partsOf(set: PageSetId, range: ByteRange, pageSizeBytes: number): HotPart[] | undefined {
    if (range.start === range.endExclusive) return [];
    const { first, endExclusive } = pagesOf(range, pageSizeBytes);
    if (endExclusive - first > hotPagesMax) return undefined;
    const parts: HotPart[] = [];
    for (let index = first; index < endExclusive; index += 1) {
      const page = this.#pageOf(pageName({ set, index }));
      if (!page) return undefined;
      const pageStart = index * pageSizeBytes;
      parts.push({
        page,
        start: Math.max(range.start - pageStart, 0),
        endExclusive: Math.min(range.endExclusive - pageStart, pageSizeBytes),
      });
    }
    return parts;
  }

  #pageOf(name: string): Uint8Array | HotFile | undefined {
    const copy = this.#copies.get(name);
    if (copy) return this.#isExpired(copy) ? undefined : copy.bytes;
    const file = this.#files.get(name);
    return file && !this.#isExpired(file) ? file : undefined;
  }

  #isExpired({ expiresAtMs }: { readonly expiresAtMs: number | undefined }): boolean {
    return expiresAtMs !== undefined && this.#options.clock.wallMs() >= expiresAtMs;
  }

  async #keep(page: PageId, place: HotPageFacts): Promise<void> {
    const name = pageName(page);
    if (this.#pageOf(name)) return;
    if (place.lengthBytes > copiedBytesMax && place.packedAt < 0) {
      if (place.path !== '') await this.#files.take(name, page, place);
      return;
    }
    const bytes = place.bytes ?? (place.packedAt >= 0 ? await readPacked(page, place) : undefined);
    if (bytes) this.#copies.set(name, { bytes, expiresAtMs: place.expiresAtMs });
  }
}

function nameOf(object: ObjectRef): string {
  return `${infoSlotOf(object)}\0${object.mount.bucket}\0${object.ufsKey}`;
}

function pageName({ set, index }: PageId): string {
  return `${set}/${index}`;
}
