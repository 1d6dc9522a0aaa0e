/**
 * Pages of UFS listings, kept for a mount's `listTtl` (DESIGN §4, Lists). Off unless a mount asks for it:
 * what changes behind this gateway, through another one included, shows in its lists only when the time is
 * over. Writes through this gateway drop the pages that could show them, so those show at once. Where a
 * gateway is several processes, a write through one of them drops the bucket's pages in all.
 */
import { type Cells, cellOf, listsOf } from '@forebay/core/changes';
import type { Clock } from '@forebay/core/clock';
import { type Mount, type ObjectRef, ufsIdentityOf } from '@forebay/core/mount';
import type { UfsListing, UfsListRequest } from '@forebay/ufs/ufs';
import type { GatewayMetrics } from '../metrics.ts';
import type { Lister } from './list-objects.ts';

export interface ListCacheOptions {
  readonly clock: Clock;
  /** Of all pages together. */
  readonly bytesMax: number;
  readonly pages: GatewayMetrics['listPages'];
  /** Shared by the processes of this gateway; undefined: it is one. */
  readonly cells?: Cells | undefined;
}

interface Page {
  readonly ufs: string;
  readonly prefix: string;
  readonly sentMs: number;
  /** How often listings of the bucket had changed when it was sent. */
  readonly changes: number;
  readonly listing: Promise<UfsListing>;
  /** Undefined while it is on its way. */
  sizeBytes: number | undefined;
}

/** What a page costs beside its names, and each line in it. */
const pageBytes = 512;
const entryBytes = 200;

export class ListCache {
  readonly #options: ListCacheOptions;
  /** The least recently used first. */
  readonly #pages = new Map<string, Page>();
  #bytes = 0;

  constructor(options: ListCacheOptions) {
    this.#options = options;
  }

  /** The lists of one request, and how old the oldest page in it is. */
  reading(): ListReading {
    return new ListReading((mount, ufs, request) => this.#list(mount, ufs, request));
  }

  /** After a write, whatever became of it: pages that could show one of these objects go. */
  drop(objects: readonly ObjectRef[]): void {
    const identities = new Set(objects.map(({ mount }) => ufsIdentityOf(mount.ufs)));
    for (const identity of identities) this.#options.cells?.changed(listsOf(identity));
    if (this.#pages.size === 0) return;
    for (const { mount, ufsKey } of objects) {
      const ufs = ufsIdentityOf(mount.ufs);
      this.#removeWhere((page) => page.ufs === ufs && ufsKey.startsWith(page.prefix));
    }
  }

  /** After a bucket was made or taken away. */
  dropBucket(mount: Mount): void {
    const ufs = ufsIdentityOf(mount.ufs);
    this.#options.cells?.changed(listsOf(ufs));
    this.#removeWhere((page) => page.ufs === ufs);
  }

  async #list(mount: Mount, ufs: Lister, request: UfsListRequest): Promise<ListedPage> {
    const { clock, pages } = this.#options;
    const name = nameOf(mount, request);
    const known = this.#pages.get(name);
    const identity = ufsIdentityOf(mount.ufs);
    const changes = this.#changesOf(identity);
    const isFresh = known !== undefined && clock.monotonicMs() - known.sentMs < mount.listTtlMs!;
    if (isFresh && known.changes === changes) {
      const result = known.sizeBytes === undefined ? 'coalesced' : 'hit';
      pages.inc({ mount: mount.path, result });
      this.#pages.delete(name);
      this.#pages.set(name, known);
      return { listing: await known.listing, ageMs: clock.monotonicMs() - known.sentMs };
    }
    if (known) this.#remove(name, known);
    pages.inc({ mount: mount.path, result: 'miss' });
    const sentMs = clock.monotonicMs();
    // Without the signal of the first reader: others may have joined when it leaves.
    const listing = ufs.list({ ...request, signal: undefined });
    const page: Page = {
      ufs: identity,
      prefix: request.prefix,
      sentMs,
      changes,
      listing,
      sizeBytes: undefined,
    };
    this.#pages.set(name, page);
    try {
      this.#keep(name, page, 2 * name.length + sizeOf(await listing));
    } catch (error) {
      this.#remove(name, page);
      throw error;
    }
    return { listing: await listing, ageMs: clock.monotonicMs() - sentMs };
  }

  #changesOf(identity: string): number {
    return this.#options.cells?.valueOf(cellOf(listsOf(identity))) ?? 0;
  }

  /** Unless a write dropped the page while it was on its way. */
  #keep(name: string, page: Page, sizeBytes: number): void {
    if (this.#pages.get(name) !== page) return;
    page.sizeBytes = sizeBytes;
    this.#bytes += sizeBytes;
    for (const [oldest, old] of this.#pages) {
      if (this.#bytes <= this.#options.bytesMax) return;
      if (old.sizeBytes !== undefined) this.#remove(oldest, old);
    }
  }

  #removeWhere(isGone: (page: Page) => boolean): void {
    for (const [name, page] of this.#pages) if (isGone(page)) this.#remove(name, page);
  }

  #remove(name: string, page: Page): void {
    if (this.#pages.get(name) !== page) return;
    this.#pages.delete(name);
    this.#bytes -= page.sizeBytes ?? 0;
  }
}

interface ListedPage {
  readonly listing: UfsListing;
  readonly ageMs: number;
}

type List = (mount: Mount, ufs: Lister, request: UfsListRequest) => Promise<ListedPage>;

export class ListReading {
  readonly #list: List;
  #ageMs: number | undefined;

  constructor(list: List) {
    this.#list = list;
  }

  /** Undefined where no mount with `listTtl` was asked. */
  get ageMs(): number | undefined {
    return this.#ageMs;
  }

  of(mount: Mount, ufs: Lister): Lister {
    if (!mount.listTtlMs) return ufs;
    return {
      list: async (request) => {
        const { listing, ageMs } = await this.#list(mount, ufs, request);
        this.#ageMs = Math.max(this.#ageMs ?? 0, ageMs);
        return listing;
      },
    };
  }
}

/** A mount that is made again may have other credentials: what the earlier one saw is not for it. */
function nameOf(mount: Mount, { prefix, delimiter, startAfter, maxKeys }: UfsListRequest): string {
  const { path, uri, createdAtMs, ufs } = mount;
  const asked = [prefix, delimiter, startAfter, maxKeys];
  return JSON.stringify([path, uri, createdAtMs, ufsIdentityOf(ufs), ...asked]);
}

function sizeOf({ entries, commonPrefixes }: UfsListing): number {
  let sizeBytes = pageBytes;
  for (const { key, etag = '' } of entries) sizeBytes += entryBytes + 2 * (key.length + etag.length);
  for (const prefix of commonPrefixes) sizeBytes += entryBytes + 2 * prefix.length;
  return sizeBytes;
}
