/**
 * One attempt to open an object: known or asked info, conditions, range, and a body whose first bytes are
 * here.
 */
import type { AbsentObject, CacheResult, OpenedObject, OpenRequest } from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import { type ConditionOutcome, etagListMatches, evaluateConditions } from '@forebay/core/conditions';
import { isUfsAnswer, type UfsAnswer } from '@forebay/core/errors';
import { hasStrongEtag, type ObjectInfo, versionOf } from '@forebay/core/object';
import { pagesOf } from '@forebay/core/page';
import { type ByteRange, type RangeRequest, resolveRange } from '@forebay/core/range';
import type { Ufs } from '@forebay/ufs/ufs';
import { DirectBody } from './direct-body.ts';
import type { Fill } from './fill/fill.ts';
import type { FillContext } from './fill/fill-context.ts';
import { PageReader } from './fill/page-reader.ts';
import { type PageSource, pageSetOf } from './fill/page-source.ts';
import { FirstThenRest } from './first-then-rest.ts';
import type { Home, InfoQuery } from './home.ts';
import type { InfoStore } from './info-store/info-store.ts';

export interface OpenerOptions {
  readonly nodeId: string;
  readonly info: InfoStore;
  readonly home: Home;
  readonly fills: FillContext;
  readonly clock: Clock;
}

/** Info to answer with, and how it was come by. */
interface ResolvedInfo {
  readonly info: ObjectInfo;
  readonly ageMs: number;
  /** `known`: from the cache, by the rule; `confirmed`: the UFS said the cached version still is. */
  readonly by: 'known' | 'confirmed' | 'read' | 'joined';
  readonly fill: Fill | undefined;
}

/** The segment by which `x-cache` is decided before the headers go out (DESIGN §6). */
const segmentBytes = 64 * 1024 * 1024;

export class ObjectOpener {
  readonly #options: OpenerOptions;

  constructor(options: OpenerOptions) {
    this.#options = options;
  }

  /** @throws ForebayError `version-changed` before the first byte: drop the info and open again. */
  async open(request: OpenRequest, ufs: Ufs): Promise<OpenedObject | AbsentObject> {
    const { info, fills } = this.#options;
    const known = info.usable(request.object);
    if (
      known &&
      (known.record.content.kind === 'absent' || hasWhatIsAsked(request, known.record.content.info))
    ) {
      const { content } = known.record;
      fills.metrics.infoReads.inc({ result: known.level });
      if (content.kind === 'absent') return this.#absent(content.answer, 'HIT', known.ageMs);
      return this.#answer(request, ufs, {
        info: content.info,
        ageMs: known.ageMs,
        by: 'known',
        fill: undefined,
      });
    }
    return this.#ask(request, ufs);
  }

  /** Past the cache: what cannot be cached, and what changes faster than it can be opened. */
  async openDirect(
    request: OpenRequest,
    ufs: Ufs,
    cache: 'MISS' | 'BYPASS',
  ): Promise<OpenedObject | AbsentObject> {
    const { object, signal } = request;
    const sentAtMs = this.#options.clock.monotonicMs();
    try {
      if (request.want === 'info' || request.ifRange) return this.#openDirectKnown(request, ufs, cache);
      const opened = await ufs.get(object.ufsKey, { range: request.range, signal });
      const plan = planOf(request, opened.info);
      if (plan.range === 'unsatisfiable' || plan.condition !== 'met') {
        await opened.body[Symbol.asyncIterator]().return?.();
        return this.#opened({ ...plan, info: opened.info, cache, ageMs: this.#since(sentAtMs) });
      }
      const body = new DirectBody(opened, plan.range, this.#countUfsBytes);
      return this.#opened({ ...plan, info: opened.info, cache, ageMs: this.#since(sentAtMs), body });
    } catch (error) {
      if (isUfsAnswer(error) && error.answer.status === 416)
        return this.#openDirectKnown(request, ufs, cache);
      if (isUfsAnswer(error, 'NoSuchKey')) return this.#absent(error.answer, cache, this.#since(sentAtMs));
      throw error;
    }
  }

  /** HEAD first: where the answer's shape depends on what the object is. */
  async #openDirectKnown(request: OpenRequest, ufs: Ufs, cache: 'MISS' | 'BYPASS') {
    const { object, signal } = request;
    const sentAtMs = this.#options.clock.monotonicMs();
    try {
      const info = await ufs.head(object.ufsKey, { signal });
      const plan = planOf(request, info);
      const known = { ...plan, info, cache, ageMs: this.#since(sentAtMs) };
      if (request.want === 'info' || plan.range === 'unsatisfiable' || plan.condition !== 'met') {
        return this.#opened(known);
      }
      const range = plan.whole ? undefined : ({ kind: 'span', ...plan.range } as const);
      const opened = await ufs.get(object.ufsKey, { range, ifMatch: info.etag, signal });
      const body = new DirectBody(opened, plan.range, this.#countUfsBytes);
      return this.#opened({ ...known, info: opened.info, body });
    } catch (error) {
      if (isUfsAnswer(error, 'NoSuchKey')) return this.#absent(error.answer, cache, this.#since(sentAtMs));
      throw error;
    }
  }

  async #ask(request: OpenRequest, ufs: Ufs): Promise<OpenedObject | AbsentObject> {
    const { home, info, fills, clock } = this.#options;
    const stale = info.look(request.object)?.record.content;
    const before = stale?.kind === 'object' ? stale.info : undefined;
    const share = await home.read(request.object, ufs, this.#queryOf(request, before), request.signal);
    try {
      const { content, sentAtMs, fill } = share.read;
      fills.metrics.infoReads.inc({ result: share.joined ? 'coalesced' : 'ufs' });
      const ageMs = clock.monotonicMs() - sentAtMs;
      const asked = share.joined ? 'joined' : 'read';
      if (content.kind === 'absent') {
        return this.#absent(content.answer, share.joined ? 'COALESCED' : 'MISS', ageMs);
      }
      const confirmed = before && versionOf(before) === versionOf(content.info);
      return await this.#answer(request, ufs, {
        info: content.info,
        ageMs,
        by: confirmed ? 'confirmed' : asked,
        fill,
      });
    } finally {
      share.release();
    }
  }

  /** A HEAD where the bytes are probably here or not wanted, otherwise the GET that brings both. */
  #queryOf(request: OpenRequest, before: ObjectInfo | undefined): InfoQuery {
    if (request.want === 'info') return { method: 'head' };
    if (before) {
      const plan = planOf(request, before);
      if (plan.condition !== 'met' || plan.range === 'unsatisfiable') return { method: 'head' };
      const { start, endExclusive } = plan.range;
      if (start === endExclusive) return { method: 'head' };
      const index = Math.floor(start / request.object.mount.pageSizeBytes);
      const cached = this.#options.fills.store.has({ set: pageSetOf(request.object, before), index });
      if (cached) return { method: 'head' };
    }
    return { method: 'get', range: request.range };
  }

  async #answer(
    request: OpenRequest,
    ufs: Ufs,
    resolved: ResolvedInfo,
  ): Promise<OpenedObject | AbsentObject> {
    const { info, ageMs } = resolved;
    const plan = planOf(request, info);
    if (request.want === 'info' || plan.condition !== 'met' || plan.range === 'unsatisfiable') {
      return this.#opened({ ...plan, info, ageMs, cache: infoResultOf(resolved) });
    }
    if (!hasStrongEtag(info) || info.sizeBytes > request.object.mount.maxObjectSizeBytes) {
      return this.openDirect(request, ufs, 'BYPASS');
    }
    if (plan.range.start === plan.range.endExclusive) {
      return this.#opened({ ...plan, info, ageMs, cache: infoResultOf(resolved), body: new Uint8Array(0) });
    }
    const { pageSizeBytes } = request.object.mount;
    const set = pageSetOf(request.object, info);
    const source: PageSource = { object: request.object, ufs, info, set, pageSizeBytes };
    const pages = this.#countPages(source, plan.range, resolved.fill);
    const cache = pageResultOf(resolved, pages);
    const reader = new PageReader(source, plan.range, this.#options.fills, request.signal);
    if (resolved.fill) reader.join(resolved.fill, resolved.by !== 'joined');
    const body = reader.takeFromMemory() ?? (await FirstThenRest.of(reader, plan.range));
    return this.#opened({ ...plan, info, ageMs, cache, pages, body });
  }

  /**
   * Of the range's first segment: how many pages there are, how many are cached, and is the first being
   * filled. Pages that the same open has just brought are no hits, though some may be stored already.
   */
  #countPages(source: PageSource, range: ByteRange, fill: Fill | undefined): PageCount {
    const { store, flights } = this.#options.fills;
    const { set, pageSizeBytes } = source;
    const segment = {
      start: range.start,
      endExclusive: Math.min(range.endExclusive, range.start + segmentBytes),
    };
    const { first, endExclusive } = pagesOf(segment, pageSizeBytes);
    let hit = 0;
    for (let index = fill ? fill.endPage : first; index < endExclusive; index += 1) {
      if (store.has({ set, index })) hit += 1;
    }
    return { hit, total: endExclusive - first, flying: flights.get({ set, index: first }) !== undefined };
  }

  #opened(opened: {
    info: ObjectInfo;
    condition: ConditionOutcome;
    range: ByteRange | 'unsatisfiable';
    whole: boolean;
    cache: CacheResult;
    ageMs: number;
    pages?: PageCount;
    body?: OpenedObject['body'];
  }): OpenedObject {
    const { info, condition, range, whole, cache, ageMs, body } = opened;
    const pages = opened.pages ?? { hit: 0, total: 0 };
    return {
      kind: 'object',
      nodeId: this.#options.nodeId,
      info,
      condition,
      range,
      whole,
      cache,
      ageMs,
      pages,
      body,
    };
  }

  #absent(answer: UfsAnswer, cache: CacheResult, ageMs: number): AbsentObject {
    return { kind: 'absent', answer, cache, ageMs, nodeId: this.#options.nodeId };
  }

  readonly #countUfsBytes = (count: number): void => {
    this.#options.fills.metrics.bytesServed.inc({ source: 'ufs' }, count);
  };

  #since(sentAtMs: number): number {
    return this.#options.clock.monotonicMs() - sentAtMs;
  }
}

interface PageCount {
  readonly hit: number;
  readonly total: number;
  readonly flying?: boolean;
}

interface Plan {
  readonly condition: ConditionOutcome;
  readonly range: ByteRange | 'unsatisfiable';
  readonly whole: boolean;
}

/**
 * Conditions come before the range; an If-Range that does not hold takes the range away (RFC 9110 §13.1.5).
 */
function planOf(request: OpenRequest, info: ObjectInfo): Plan {
  const condition = request.conditions ? evaluateConditions(request.conditions, info) : 'met';
  const asked: RangeRequest | undefined =
    request.ifRange && !ifRangeHolds(request.ifRange, info) ? undefined : request.range;
  const resolved = resolveRange(asked, info.sizeBytes);
  if (resolved === 'unsatisfiable') return { condition, range: 'unsatisfiable', whole: false };
  return { condition, ...resolved };
}

function ifRangeHolds(ifRange: NonNullable<OpenRequest['ifRange']>, info: ObjectInfo): boolean {
  if ('etag' in ifRange) return etagListMatches(ifRange.etag, info.etag, 'strong');
  return Math.floor(info.lastModifiedMs / 1000) === Math.floor(ifRange.lastModifiedMs / 1000);
}

function hasWhatIsAsked(request: OpenRequest, info: ObjectInfo): boolean {
  return info.checksumsKnown || request.needChecksums !== true || request.range !== undefined;
}

function infoResultOf(resolved: ResolvedInfo): CacheResult {
  if (resolved.by === 'known') return 'HIT';
  if (resolved.by === 'confirmed') return 'REVALIDATED';
  return resolved.by === 'joined' ? 'COALESCED' : 'MISS';
}

function pageResultOf(resolved: ResolvedInfo, pages: PageCount): CacheResult {
  if (pages.hit === pages.total) return resolved.by === 'known' ? 'HIT' : 'REVALIDATED';
  if (pages.hit > 0) return 'PARTIAL';
  const others = resolved.by === 'joined' || (pages.flying === true && !resolved.fill);
  return others ? 'COALESCED' : 'MISS';
}
