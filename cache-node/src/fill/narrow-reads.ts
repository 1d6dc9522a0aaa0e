/**
 * The part of a read that is fetched without the pages around it, because the mount's bound on amplification
 * leaves no room for them: parts of pages that nobody asked for lately. At the second request for a page it
 * is filled whole.
 */
import { isKind } from '@forebay/core/errors';
import type { ObjectRef } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import { pageLengthBytes, pagesOf } from '@forebay/core/page';
import { type RangeRequest, resolveRange } from '@forebay/core/range';
import type { UfsObject } from '@forebay/ufs/ufs';
import type { UfsOrigin } from '@forebay/ufs/ufs-origin';
import type { InfoQuery } from '../home.ts';
import type { FillContext } from './fill-context.ts';
import { type PageSource, pageSetOf } from './page-source.ts';
import { SpanRead } from './span-read.ts';

/** Longer runs of missing pages are filled but for their ends: a page in the middle costs nothing more. */
const narrowPagesMax = 4;

interface Part {
  readonly index: number;
  readonly start: number;
  readonly endExclusive: number;
}

export class NarrowReads {
  readonly #source: PageSource;
  readonly #context: FillContext;
  readonly #signal: AbortSignal;
  readonly #endExclusive: number;
  #span: SpanRead | undefined;

  constructor(options: {
    readonly source: PageSource;
    readonly context: FillContext;
    readonly signal: AbortSignal;
    /** Of the reader's range. */
    readonly endExclusive: number;
  }) {
    this.#source = options.source;
    this.#context = options.context;
    this.#signal = options.signal;
    this.#endExclusive = options.endExclusive;
  }

  get isOpen(): boolean {
    return this.#span !== undefined;
  }

  get isOver(): boolean {
    return this.#span?.isOver === true;
  }

  /** Of the bytes that came last. */
  get origin(): UfsOrigin {
    return this.#span?.origin ?? 'ufs';
  }

  adopt(start: number, opened: UfsObject): void {
    const { set, pageSizeBytes } = this.#source;
    const { first, endExclusive } = pagesOf({ start, endExclusive: this.#endExclusive }, pageSizeBytes);
    for (let index = first; index < endExclusive; index += 1) this.#context.asked.ask({ set, index });
    this.#begin(start, this.#endExclusive, opened);
  }

  /** Whether the bytes from here on are read past the cache: asked of a part of a page that is missing. */
  open(part: Part, offset: number, window: { runEnd(first: number): number }): boolean {
    const { pageSizeBytes, info, set, object, cachedOnly } = this.#source;
    if (cachedOnly) return false;
    const { amplifications, asked } = this.#context;
    const pageBytes = pageLengthBytes(part.index, info.sizeBytes, pageSizeBytes);
    const partBytes = part.endExclusive - part.start;
    if (partBytes === pageBytes) return false;
    if (amplifications.of(object.mount).allows(pageBytes, partBytes)) return false;
    const runEnd = window.runEnd(part.index);
    const end = runEnd - part.index > narrowPagesMax ? part.index + 1 : runEnd;
    const isKnown = asked.ask({ set, index: part.index });
    for (let index = part.index + 1; index < end; index += 1) asked.ask({ set, index });
    if (isKnown) return false;
    this.#begin(offset, Math.min(this.#endExclusive, end * pageSizeBytes), undefined);
    return true;
  }

  async next(): Promise<Uint8Array> {
    try {
      return await this.#span!.next();
    } catch (error) {
      this.close();
      if (isKind(error, 'version-changed')) this.#context.onChanged(this.#source.object, this.#source.info);
      throw error;
    }
  }

  close(): void {
    const span = this.#span;
    this.#span = undefined;
    void span?.close();
  }

  #begin(start: number, endExclusive: number, opened: UfsObject | undefined): void {
    const amplification = this.#context.amplifications.of(this.#source.object.mount);
    this.#span = new SpanRead({
      source: this.#source,
      span: { start, endExclusive },
      signal: this.#signal,
      opened,
      onFetched: (bytes) => amplification.fetched(bytes),
    });
  }
}

/**
 * A query for a range and the pages around it, without these where they would cost too much. `before` is what
 * was known of the object last.
 */
export function narrowed(
  query: InfoQuery,
  { object, before }: { readonly object: ObjectRef; readonly before: ObjectInfo | undefined },
  { amplifications, asked }: FillContext,
): InfoQuery {
  if (query.method !== 'get' || !query.range) return query;
  const { mount } = object;
  const { pageSizeBytes } = mount;
  const bytes = boundedBytes(query.range);
  if (!bytes || bytes >= narrowPagesMax * pageSizeBytes) return query;
  const pagesBytes = (Math.ceil(bytes / pageSizeBytes) + 1) * pageSizeBytes;
  if (amplifications.of(mount).allows(pagesBytes, bytes)) return query;
  const known = before && resolveRange(query.range, before.sizeBytes);
  if (before && known && known !== 'unsatisfiable') {
    const index = Math.floor(known.range.start / pageSizeBytes);
    if (asked.ask({ set: pageSetOf(object, before), index })) return query;
  }
  return { ...query, narrow: true };
}

function boundedBytes(range: RangeRequest): number | undefined {
  if (range.kind === 'suffix') return range.lengthBytes;
  return range.kind === 'span' ? range.endExclusive - range.start : undefined;
}
