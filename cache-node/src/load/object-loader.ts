/**
 * Work of jobs on objects of this node: brings what is missing of an object, by the fills that reads use and
 * behind all that clients wait for; and reads what is stored of it to see whether it is whole. No bytes leave
 * the node. What is told as done was looked for in the page store after it was written, and survives a kill.
 */
import { UfsAnswerError } from '@forebay/core/errors';
import type { LoadRequest, WorkOutcome } from '@forebay/core/job-worker';
import type { ObjectRef } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import { pageLengthBytes, pagesOf } from '@forebay/core/page';
import type { ByteRange } from '@forebay/core/range';
import type { Ufs } from '@forebay/ufs/ufs';
import { isCacheable } from '../fill/cacheable.ts';
import type { Fill } from '../fill/fill.ts';
import type { FillContext } from '../fill/fill-context.ts';
import { type PageSource, pagedObjectOf, pageSetOf } from '../fill/page-source.ts';
import type { Home } from '../home.ts';
import type { InfoStore } from '../info-store/info-store.ts';
import { PageBringer } from './page-bringer.ts';

export interface ObjectLoaderOptions {
  readonly info: InfoStore;
  readonly home: Home;
  readonly fills: FillContext;
}

/** Of a page set. */
interface Before {
  readonly set: string;
  readonly bytes: number;
}

/** Of an object that nothing is known of but what a listing says. */
const unknownInfo: ObjectInfo = {
  sizeBytes: 0,
  etag: undefined,
  lastModifiedMs: 0,
  versionId: undefined,
  headers: [],
  checksumsKnown: false,
};

type Pages = { readonly first: number; readonly endExclusive: number };

export class ObjectLoader {
  readonly #options: ObjectLoaderOptions;

  constructor(options: ObjectLoaderOptions) {
    this.#options = options;
  }

  /** @throws UfsAnswerError; ForebayError `overloaded`, `ufs-unavailable`, `version-changed` */
  async load(request: LoadRequest, ufs: Ufs): Promise<WorkOutcome> {
    const outcome = await this.#load(request, ufs);
    // What is told as loaded is not lost with the process: pages are written, and their info is now.
    if (outcome.kind === 'done' && !request.dryRun) this.#options.info.persistent.flush();
    return outcome;
  }

  async #load(request: LoadRequest, ufs: Ufs): Promise<WorkOutcome> {
    const { object, range } = request;
    const known = request.info ?? this.#known(request);
    const before = this.#before(request, known);
    if (request.dryRun) return this.#plan(request, known, before);
    if (known)
      return range ? this.#bring({ request, ufs, info: known, asked: 0, before }) : outcomeOf(known, 0);
    const { home } = this.#options;
    const share = await home.read(object, ufs, queryFor(request), request.signal);
    try {
      const { content } = share.read;
      if (content.kind === 'absent') throw new UfsAnswerError(content.answer);
      const asked = share.joined ? 0 : 1;
      if (!range) return outcomeOf(content.info, asked);
      return await this.#bring({ request, ufs, info: content.info, asked, before, fill: share.read.fill });
    } finally {
      share.release();
    }
  }

  /** What a load would do, as far as is known without asking. */
  #plan({ object, listed, range }: LoadRequest, known: ObjectInfo | undefined, before: Before): WorkOutcome {
    const info = known ?? { ...unknownInfo, ...listed };
    const { pageSizeBytes } = object.mount;
    const bytes = bytesOf(pagesIn(range, info, pageSizeBytes), info, pageSizeBytes);
    const isStored = known !== undefined && before.bytes === bytes;
    if (isStored) return outcomeOf(info, 0, bytes);
    const ufsBytes = bytes - (known ? before.bytes : 0);
    return { kind: 'done', info, bytes, ufsRequests: 1, ufsBytes };
  }

  /** Reads what is stored of the range: each page is verified as it is read. */
  async verify({ object, listed, info: given, range, signal }: LoadRequest): Promise<WorkOutcome> {
    const info = given ?? this.#options.info.hint(object, 'peek') ?? this.#storedAs(object, listed);
    if (!info) return refused('it is not cached');
    if (listed && !isSame(info, listed)) return refused('another version than the current one is cached');
    const { pageSizeBytes } = object.mount;
    const pages = pagesIn(range, info, pageSizeBytes);
    const set = pageSetOf(object, info);
    let missing = 0;
    for (let index = pages.first; index < pages.endExclusive; index += 1) {
      signal.throwIfAborted();
      const lengthBytes = pageLengthBytes(index, info.sizeBytes, pageSizeBytes);
      if (!(await this.#isWhole({ set, index }, lengthBytes))) missing += 1;
    }
    const total = pages.endExclusive - pages.first;
    if (missing > 0) return refused(`${missing} of ${total} pages are missing or damaged`);
    return { kind: 'done', info, bytes: bytesOf(pages, info, pageSizeBytes), ufsRequests: 0, ufsBytes: 0 };
  }

  /** Pages that came from another node are here without info: of the version that the listing names. */
  #storedAs(object: ObjectRef, listed: LoadRequest['listed']): ObjectInfo | undefined {
    const info = { ...unknownInfo, ...listed };
    const isStored = this.#options.fills.store.has({ set: pageSetOf(object, info), index: 0 });
    return isStored ? info : undefined;
  }

  async #isWhole(page: { set: string; index: number }, lengthBytes: number): Promise<boolean> {
    let at = 0;
    while (at < lengthBytes) {
      const slice = await this.#options.fills.store.read(page, at, lengthBytes);
      if (!slice) return false;
      at += slice.bytes.byteLength;
      slice.release();
    }
    return true;
  }

  /** Info that may be used; or, of the version that was just listed, info whose pages are all that counts. */
  #known({ object, listed, range }: LoadRequest): ObjectInfo | undefined {
    const { info, fills } = this.#options;
    const usable = info.usable(object)?.record.content;
    if (usable?.kind === 'object') return usable.info;
    const hint = info.hint(object, 'peek');
    if (!hint || !listed || !isSame(hint, listed)) return undefined;
    const { first, endExclusive } = pagesIn(range, hint, object.mount.pageSizeBytes);
    // Where the first page has to be asked for, that brings the info anew.
    return first === endExclusive || fills.store.has({ set: pageSetOf(object, hint), index: first })
      ? hint
      : undefined;
  }

  /** What is stored of the range now, of the version that is known. */
  #before({ object, range }: LoadRequest, known: ObjectInfo | undefined): Before {
    const { info: infos, fills } = this.#options;
    const info = known ?? infos.hint(object, 'peek');
    if (!info) return { set: '', bytes: 0 };
    const { pageSizeBytes } = object.mount;
    const set = pageSetOf(object, info);
    const { first, endExclusive } = pagesIn(range, info, pageSizeBytes);
    let bytes = 0;
    for (let index = first; index < endExclusive; index += 1) {
      if (fills.store.has({ set, index })) bytes += pageLengthBytes(index, info.sizeBytes, pageSizeBytes);
    }
    return { set, bytes };
  }

  async #bring(of: {
    readonly request: LoadRequest;
    readonly ufs: Ufs;
    readonly info: ObjectInfo;
    /** Requests that the info took. */
    readonly asked: number;
    readonly before: Before;
    /** What came with the info. */
    readonly fill?: Fill | undefined;
  }): Promise<WorkOutcome> {
    const { request, ufs, info, asked, before, fill } = of;
    const { object, range, signal } = request;
    const { fills } = this.#options;
    const { pageSizeBytes } = object.mount;
    // An operator asks for it once, and not for its second use.
    const policy = { ...fills.policyOf(object), minUses: 1 };
    const kept = { ufsRequests: asked, ufsBytes: 0 };
    if (!isCacheable(info, policy)) return { ...refused(uncacheable(info)), ...kept };
    const source = { object, ufs, info, set: pageSetOf(object, info), pageSizeBytes, policy };
    const pages = pagesIn(range, info, pageSizeBytes);
    const bytes = bytesOf(pages, info, pageSizeBytes);
    if (bytes === 0) return outcomeOf(info, asked);
    const firstBytes = pageLengthBytes(pages.first, info.sizeBytes, pageSizeBytes);
    if (!fills.store.couldStore(pagedObjectOf(source), firstBytes)) {
      return { ...refused('the cache has no room for its pages: disk or quota'), ...kept };
    }
    const bringer = new PageBringer(source, pages, fills);
    await bringer.run(signal);
    const missing = bytes - (before.set === source.set ? before.bytes : 0);
    const ufsBytes = Math.max(0, missing - bringer.peerBytes - (fill?.peerBytes ?? 0));
    const ufsRequests = asked + bringer.ufsRequests;
    const lost = this.#lostOf(source, pages);
    if (lost > 0) return { ...refused(lostText(lost, pages)), ufsRequests, ufsBytes };
    return { kind: missing > 0 ? 'done' : 'cached', info, bytes, ufsRequests, ufsBytes };
  }

  #lostOf({ set }: PageSource, { first, endExclusive }: Pages): number {
    let lost = 0;
    for (let index = first; index < endExclusive; index += 1) {
      if (!this.#options.fills.store.has({ set, index })) lost += 1;
    }
    return lost;
  }
}

function lostText(lost: number, { first, endExclusive }: Pages): string {
  const of = `${lost} of ${endExclusive - first} pages`;
  return `${of} were fetched and not kept: the cache, a quota or its disk is too small or too slow`;
}

function uncacheable({ sizeBytes, etag }: ObjectInfo): string {
  return etag === undefined || etag.startsWith('W/')
    ? 'it is never cached: it has no strong ETag'
    : `it is never cached: ${sizeBytes} bytes are over maxObjectSize`;
}

function refused(reason: string): Extract<WorkOutcome, { kind: 'refused' }> {
  return { kind: 'refused', reason, ufsRequests: 0, ufsBytes: 0 };
}

function outcomeOf(info: ObjectInfo, ufsRequests: number, bytes = 0): WorkOutcome {
  return { kind: ufsRequests > 0 ? 'done' : 'cached', info, bytes, ufsRequests, ufsBytes: 0 };
}

function isSame(info: ObjectInfo, listed: NonNullable<LoadRequest['listed']>): boolean {
  return info.etag !== undefined && info.etag === listed.etag && info.sizeBytes === listed.sizeBytes;
}

/** One request for info and bytes; where there are none, the cheapest one for the info. */
function queryFor({ object, listed, range }: LoadRequest) {
  if (!range || listed?.sizeBytes === 0) return { method: 'head' } as const;
  const { pageSizeBytes } = object.mount;
  const isAll = range.start === 0 && listed !== undefined && range.endExclusive >= listed.sizeBytes;
  const start = Math.floor(range.start / pageSizeBytes) * pageSizeBytes;
  const endExclusive = Math.ceil(range.endExclusive / pageSizeBytes) * pageSizeBytes;
  const span = isAll ? undefined : ({ kind: 'span', start, endExclusive } as const);
  return { method: 'get', range: span, needChecksums: false, uncounted: true } as const;
}

function pagesIn(range: ByteRange | undefined, { sizeBytes }: ObjectInfo, pageSizeBytes: number): Pages {
  const endExclusive = Math.min(range?.endExclusive ?? 0, sizeBytes);
  if (!range || range.start >= endExclusive) return { first: 0, endExclusive: 0 };
  return pagesOf({ start: range.start, endExclusive }, pageSizeBytes);
}

function bytesOf({ first, endExclusive }: Pages, { sizeBytes }: ObjectInfo, pageSizeBytes: number): number {
  return Math.max(0, Math.min(endExclusive * pageSizeBytes, sizeBytes) - first * pageSizeBytes);
}
