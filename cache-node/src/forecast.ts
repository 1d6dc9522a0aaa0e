/**
 * What a read would do now, told without doing it: by the rules that reads follow (open-rules.ts), on what is
 * known in this tick. Nothing is asked, installed, promoted or touched. It holds as long as the UFS still has
 * what was last seen of the object.
 */
import type { CacheResult, ReadQuestion } from '@forebay/core/cache-node';
import type { ObjectInfo } from '@forebay/core/object';
import type { ReadForecast, UfsRequest } from '@forebay/core/object-stat';
import { planOf } from '@forebay/core/open-plan';
import { pagesOf, wholePagesIn } from '@forebay/core/page';
import { type ByteRange, resolveRange } from '@forebay/core/range';
import type { Ufs } from '@forebay/ufs/ufs';
import { isCacheable } from './fill/cacheable.ts';
import { cachedPages, type FillContext, requestEndOf } from './fill/fill-context.ts';
import { pageSetOf } from './fill/page-source.ts';
import { isMissing } from './fill/send-fill.ts';
import { type Home, type InfoQuery, wholePagesOf } from './home.ts';
import type { InfoStore, KnownInfo } from './info-store/info-store.ts';
import {
  countPages,
  hasWhatIsAsked,
  type InfoWay,
  infoResultOf,
  mayBeBucket,
  pageResultOf,
  queryOf,
} from './open-rules.ts';
import { broughtEnd, ownedEnd } from './placed-range.ts';

export interface ForecasterOptions {
  readonly info: InfoStore;
  readonly home: Home;
  readonly fills: FillContext;
}

/** Pages by index, as far as they are not there: `endExclusive` is the first one after a run. */
interface PageRun {
  readonly first: number;
  readonly endExclusive: number;
}

const nothing: PageRun = { first: 0, endExclusive: 0 };
const noPages = { hit: 0, total: 0 };

export class Forecaster {
  readonly #options: ForecasterOptions;

  constructor(options: ForecasterOptions) {
    this.#options = options;
  }

  /** A far store may be asked in more requests or fewer: several go at once, as they find room. */
  forecast(question: ReadQuestion, ufs: Ufs): ReadForecast {
    const known = this.#options.info.usable(question.object, 'peek');
    const isEnough = known && hasWhatIsAsked(question, known);
    const forecast = isEnough ? this.#knowing(question, known, ufs) : this.#asking(question, ufs);
    const doubts = doubtsOf(forecast, question, ufs);
    return doubts.length === 0
      ? forecast
      : { ...forecast, certain: false, reasons: [...forecast.reasons, ...doubts] };
  }

  #knowing(question: ReadQuestion, { record: { content } }: KnownInfo, ufs: Ufs): ReadForecast {
    if (content.kind === 'object') {
      return this.#answer(question, content.info, { ufs, way: { by: 'known', joined: false }, requests: [] });
    }
    if (!mayBeBucket(question, content.answer)) {
      return {
        certain: true,
        ...told('HIT', 'the object is known to be absent'),
        pages: noPages,
        ufsRequests: [],
      };
    }
    const reason = 'the object is known to be absent, and a GET tells whether its bucket is';
    return { certain: false, ...told('MISS', reason), pages: noPages, ufsRequests: [get(undefined)] };
  }

  #asking(question: ReadQuestion, ufs: Ufs): ReadForecast {
    const { info, home, fills } = this.#options;
    const before = info.hint(question.object, 'peek');
    const query = queryOf(question, before, { pages: cachedPages(fills), placement: fills.placement });
    const joined = home.wouldJoin(question.object, query);
    const requests = joined ? [] : [requestOf(query, question, before)];
    if (before) {
      const way = { by: 'confirmed', joined } as const;
      const brought = joined || query.method === 'head' ? nothing : this.#brought(question, before, query);
      return this.#answer(question, before, { ufs, way, requests, brought });
    }
    const reason = joined
      ? 'another request is asking the UFS about the object now'
      : 'nothing is known of the object; if pages of the version that the UFS has are still here, they count';
    const cache = joined ? 'COALESCED' : 'MISS';
    return { certain: false, ...told(cache, reason), pages: noPages, ufsRequests: requests };
  }

  /** Pages that the GET which asks for the info will bring. */
  #brought(question: ReadQuestion, before: ObjectInfo, query: InfoQuery & { method: 'get' }): PageRun {
    const { pageSizeBytes } = question.object.mount;
    const range = askedRange(query, pageSizeBytes, before.sizeBytes);
    if (!range || !isCacheable(before, this.#options.fills.policyOf(question.object))) return nothing;
    const { sizeBytes } = before;
    const own = { ...range, endExclusive: broughtEnd(this.#options.fills.placement, question.object, range) };
    const { first, endExclusive } = wholePagesIn(own, { sizeBytes, pageSizeBytes });
    return this.#runFrom(first, endExclusive, pageSetOf(question.object, before));
  }

  /** Missing pages from `first` on, up to the first one that is stored or that another request brings. */
  #runFrom(first: number, endExclusive: number, set: string): PageRun {
    let index = first;
    while (index < endExclusive && isMissing(this.#options.fills, set, index)) index += 1;
    return { first, endExclusive: index };
  }

  #answer(question: ReadQuestion, info: ObjectInfo, found: Found): ReadForecast {
    const { way, requests } = found;
    const plan = planOf(question, info);
    const reasons = [reasonOf(way)];
    const cache = infoResultOf(way);
    const byInfo = { certain: true, cache, reasons, pages: noPages, ufsRequests: requests };
    if (question.want === 'info' || plan.condition !== 'met') return byInfo;
    if (plan.range === 'unsatisfiable') {
      return { ...byInfo, reasons: [...reasons, 'the range lies outside of the object'] };
    }
    const policy = this.#options.fills.policyOf(question.object);
    if (!isCacheable(info, policy)) {
      const why =
        info.sizeBytes > policy.maxObjectSizeBytes
          ? `the object is larger than maxObjectSize lets it be (${policy.rule})`
          : 'the UFS gives the object no strong ETag, so that its bytes cannot be told from later ones';
      const ufsRequests = [...requests, get(plan.range)];
      return { certain: true, ...told('BYPASS', why), pages: noPages, ufsRequests };
    }
    if (plan.range.start === plan.range.endExclusive) return byInfo;
    const { range } = plan;
    const endExclusive = this.#bodyEnd(question, range, found.brought);
    if (endExclusive === range.start) {
      const rest = 'the bytes are read from the nodes that own them';
      return { ...byInfo, reasons: [...reasons, rest], elsewhereFrom: endExclusive };
    }
    const forecast = this.#pages(question, info, { ...found, range: { ...range, endExclusive } });
    if (endExclusive === range.endExclusive) return forecast;
    const rest = `from byte ${endExclusive} on the bytes are read from the nodes that own them`;
    return { ...forecast, reasons: [...forecast.reasons, rest], elsewhereFrom: endExclusive };
  }

  /** Of what comes with the info as much is handed on, whoever it belongs to. */
  #bodyEnd({ object }: ReadQuestion, range: ByteRange, brought = nothing): number {
    const first = Math.floor(range.start / object.mount.pageSizeBytes);
    const isComing = first >= brought.first && first < brought.endExclusive;
    return (isComing ? broughtEnd : ownedEnd)(this.#options.fills.placement, object, range);
  }

  #pages(question: ReadQuestion, info: ObjectInfo, found: Found & { range: ByteRange }): ReadForecast {
    const { fills } = this.#options;
    const { ufs, way, range, requests, brought = nothing } = found;
    const { pageSizeBytes } = question.object.mount;
    const set = pageSetOf(question.object, info);
    const brings = (index: number) => index >= brought.first && index < brought.endExclusive;
    const count = countPages({ set, pageSizeBytes }, range, {
      store: cachedPages(fills),
      flights: fills.flights,
      fill: { brings },
      joined: way.joined,
    });
    const { first, endExclusive } = pagesOf(range, pageSizeBytes);
    const fillRequests: UfsRequest[] = [];
    for (let index = first; index < endExclusive; ) {
      const requestEnd = Math.min(endExclusive, requestEndOf(fills, { ufs, pageSizeBytes }, index));
      const run = brings(index) ? brought : this.#runFrom(index, requestEnd, set);
      if (!brings(index) && run.endExclusive > index)
        fillRequests.push(get(bytesOf(run, info, pageSizeBytes)));
      index = Math.max(run.endExclusive, index + 1);
    }
    const { hit, total } = count;
    return {
      certain: true,
      cache: pageResultOf(way, count),
      reasons: [reasonOf(way), pagesReason(count)],
      pages: { hit, total },
      ufsRequests: [...requests, ...fillRequests],
    };
  }
}

interface Found {
  readonly ufs: Ufs;
  readonly way: InfoWay;
  /** Sent for the info. */
  readonly requests: readonly UfsRequest[];
  readonly brought?: PageRun;
}

/** What this forecast does not weigh, and the read will. */
function doubtsOf({ ufsRequests }: ReadForecast, { object }: ReadQuestion, ufs: Ufs): string[] {
  if (ufsRequests.length === 0) return [];
  const doubts: string[] = [];
  if (ufs.circuit !== 'closed') doubts.push('the UFS is out of order, and may not be asked');
  const isBounded = object.mount.amplificationMax !== Number.POSITIVE_INFINITY;
  if (isBounded && ufsRequests.some(({ method }) => method === 'GET')) {
    doubts.push('parts of pages may be fetched alone, and not kept (amplificationMax)');
  }
  return doubts;
}

function told(cache: CacheResult, reason: string): Pick<ReadForecast, 'cache' | 'reasons'> {
  return { cache, reasons: [reason] };
}

function reasonOf({ by, joined }: InfoWay): string {
  if (by === 'known') return 'the info is used as it is';
  if (joined) return 'another request is confirming the info with the UFS now';
  return 'the info is confirmed with the UFS first';
}

function pagesReason({ hit, total, coalesced }: { hit: number; total: number; coalesced: boolean }): string {
  if (hit === total) return total === 1 ? 'the page is cached' : `all ${total} pages are cached`;
  const missing = total - hit;
  const others = coalesced ? ', the first of them brought by another request' : '';
  return `${missing} of ${total} ${total === 1 ? 'page is' : 'pages are'} not cached${others}`;
}

function get(range: ByteRange | undefined): UfsRequest {
  return { method: 'GET', range };
}

function bytesOf(run: PageRun, info: ObjectInfo, pageSizeBytes: number): ByteRange {
  const endExclusive = Math.min(run.endExclusive * pageSizeBytes, info.sizeBytes);
  return { start: run.first * pageSizeBytes, endExclusive };
}

function requestOf(query: InfoQuery, question: ReadQuestion, before: ObjectInfo | undefined): UfsRequest {
  const { pageSizeBytes } = question.object.mount;
  if (query.method === 'head' || wholePagesOf(query.range, pageSizeBytes) === 'none') {
    return { method: 'HEAD', range: undefined };
  }
  return get(before && askedRange(query, pageSizeBytes, before.sizeBytes));
}

/** What a GET that asks for the info as well asks for; undefined where it cannot be sent. */
function askedRange(
  query: InfoQuery & { method: 'get' },
  pageSizeBytes: number,
  sizeBytes: number,
): ByteRange | undefined {
  const pages = wholePagesOf(query.range, pageSizeBytes);
  if (pages === 'none') return undefined;
  const resolved = resolveRange(pages, sizeBytes);
  return resolved === 'unsatisfiable' ? undefined : resolved.range;
}
