/** What a node tells of one object, looked at without a trace: nothing is promoted, touched or asked. */
import type { ReadQuestion } from '@forebay/core/cache-node';
import { type Mount, type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import type { StoredPages, StoredSegment } from '@forebay/core/object-placement';
import type { CachedPages, InfoFreshness, ObjectStat, PagePlace } from '@forebay/core/object-stat';
import { pageLengthBytes } from '@forebay/core/page';
import type { Ufs } from '@forebay/ufs/ufs';
import { pageSetOf } from './fill/page-source.ts';
import { Forecaster, type ForecasterOptions } from './forecast.ts';
import type { KnownInfo } from './info-store/info-store.ts';
import { keptPages } from './page-store/kept-pages.ts';

export class ObjectStats {
  readonly #nodeId: string;
  readonly #options: ForecasterOptions;
  readonly #forecaster: Forecaster;

  constructor(nodeId: string, options: ForecasterOptions) {
    this.#nodeId = nodeId;
    this.#options = options;
    this.#forecaster = new Forecaster(options);
  }

  stat(question: ReadQuestion, ufs: Ufs): ObjectStat {
    const { info, fills } = this.#options;
    const { object } = question;
    const known = info.look(object, 'peek');
    const fences = info.fences.state(placementKeyOf(object));
    const content = known?.record.content;
    const policy = fills.policyOf(object);
    return {
      nodeId: this.#nodeId,
      info: content?.kind === 'object' ? content.info : undefined,
      absent: content?.kind === 'absent',
      level: known?.level ?? 'none',
      fresh: known?.fresh === true && fences.open === 0 && !fences.unsettled,
      ageMs: known?.ageMs,
      freshness: this.#freshness(object.mount, known),
      fencesOpen: fences.open,
      unsettled: fences.unsettled,
      pageSizeBytes: object.mount.pageSizeBytes,
      pages: this.#pages(question, content?.kind === 'object' ? content.info : undefined),
      policy,
      scopeBytes: fills.store.usage().scopes.find(({ scope }) => scope === policy.scope)?.bytes ?? 0,
      forecast: this.#forecaster.forecast(question, ufs),
    };
  }

  #freshness(mount: Mount, known: KnownInfo | undefined): InfoFreshness {
    const { freshness: mode } = mount;
    const kind = known?.record.content.kind ?? 'object';
    const ttlMs = this.#options.info.ttlMsOf(mount, kind);
    const isTimed = known && mode !== 'always' && !(mode === 'immutable' && kind === 'object');
    const left = isTimed && known.tenure === 'current' ? Math.max(0, ttlMs - known.ageMs) : undefined;
    return { mode, ttlMs, ttlLeftMs: left, tenure: known?.tenure };
  }

  #pages({ object }: ReadQuestion, info: ObjectStat['info']): CachedPages {
    if (!info) return { cached: 0, total: 0, cachedBytes: 0, places: [] };
    const { pages, bytes, places } = this.stored(object, info, Number.POSITIVE_INFINITY);
    return {
      ...{ cached: pages, cachedBytes: bytes, places },
      total: Math.ceil(info.sizeBytes / object.mount.pageSizeBytes),
    };
  }

  /** Pages of a version that somebody else may know of. */
  stored(object: ObjectRef, info: ObjectInfo, segmentBytes: number): StoredPages {
    const { pageSizeBytes } = object.mount;
    const cached = new Set<number>();
    const places = new Map<string, PagePlace>();
    const segments = new Map<number, StoredSegment>();
    let bytes = 0;
    for (const { index, tier, directory } of keptPages(this.#options.fills.store, pageSetOf(object, info))) {
      const lengthBytes = pageLengthBytes(index, info.sizeBytes, pageSizeBytes);
      const id = `${tier} ${directory}`;
      const place = places.get(id) ?? { pages: 0, bytes: 0 };
      places.set(id, { tier, directory, pages: place.pages + 1, bytes: place.bytes + lengthBytes });
      if (cached.has(index)) continue;
      cached.add(index);
      bytes += lengthBytes;
      const segment = Math.floor((index * pageSizeBytes) / segmentBytes);
      const known = segments.get(segment) ?? { pages: 0, bytes: 0 };
      segments.set(segment, { segment, pages: known.pages + 1, bytes: known.bytes + lengthBytes });
    }
    return { pages: cached.size, bytes, places: [...places.values()], segments: [...segments.values()] };
  }
}
