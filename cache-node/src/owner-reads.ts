/**
 * Reads of an owner: pages of a version, for who has the info of the object's home. The version is the one
 * that was asked for, or there are no bytes; whether it is still the object's is the home's affair.
 */
import type { OpenedPages, ReadRequest } from '@forebay/core/cache-node';
import { assert } from '@forebay/core/errors';
import { hasStrongEtag } from '@forebay/core/object';
import { pagesOf } from '@forebay/core/page';
import type { ByteRange } from '@forebay/core/range';
import type { Ufs } from '@forebay/ufs/ufs';
import { cachedPages, type FillContext } from './fill/fill-context.ts';
import { readFromMemory } from './fill/memory-read.ts';
import { PageReader } from './fill/page-reader.ts';
import { type PageSource, pageSetOf } from './fill/page-source.ts';
import type { ReadAhead } from './fill/read-ahead.ts';
import { FirstThenRest } from './first-then-rest.ts';

export interface OwnerReadsOptions {
  readonly nodeId: string;
  readonly fills: FillContext;
  readonly readAhead: ReadAhead;
}

export class OwnerReads {
  readonly #options: OwnerReadsOptions;

  constructor(options: OwnerReadsOptions) {
    this.#options = options;
  }

  /** @throws ForebayError `version-changed`, `ufs-unavailable`, `overloaded`; UfsAnswerError */
  async read({ object, info, range, cachedOnly, signal }: ReadRequest, ufs: Ufs): Promise<OpenedPages> {
    assert(hasStrongEtag(info), 'pages are read of a version with a strong ETag');
    const { start, endExclusive } = range;
    assert(start >= 0 && start < endExclusive && endExclusive <= info.sizeBytes, 'a range of the object');
    const { nodeId, fills, readAhead } = this.#options;
    const { mount } = object;
    const { pageSizeBytes } = mount;
    const set = pageSetOf(object, info);
    const policy = fills.policyOf(object);
    const source: PageSource = { object, ufs, info, set, pageSizeBytes, policy, cachedOnly };
    const cached = this.#cachedIn(source, range);
    const pages = { hit: cached.hit, total: cached.total };
    const own = cachedOnly ? { start, endExclusive: cached.endExclusive } : range;
    const answered = { nodeId, pages, endExclusive: own.endExclusive };
    if (own.endExclusive === start) return { ...answered, body: undefined };
    const inMemory = readFromMemory({ mount, set, sizeBytes: info.sizeBytes }, own, fills);
    if (!cachedOnly) {
      readAhead.onRead(source, own, { signal });
      fills.reads.note(set, own, { sizeBytes: info.sizeBytes, pageSizeBytes });
    }
    if (inMemory) return { ...answered, body: inMemory };
    const reader = new PageReader(source, own, fills, signal);
    const body = reader.takeFromMemory() ?? (await FirstThenRest.of(reader, own));
    return { ...answered, body };
  }

  /** The range's pages, those of them that are cached, and where the cached beginning of it ends. */
  #cachedIn(
    { set, pageSizeBytes }: PageSource,
    range: ByteRange,
  ): ByteRange & { hit: number; total: number } {
    const store = cachedPages(this.#options.fills);
    const { first, endExclusive } = pagesOf(range, pageSizeBytes);
    let hit = 0;
    let end = first;
    for (let index = first; index < endExclusive; index += 1) {
      if (!store.has({ set, index })) continue;
      hit += 1;
      if (end === index) end += 1;
    }
    const cachedEnd = end === first ? range.start : Math.min(range.endExclusive, end * pageSizeBytes);
    return { start: range.start, endExclusive: cachedEnd, hit, total: endExclusive - first };
  }
}
