/** Pages of a node in memory, as its own hand-off and others see them. */
import type { OpenedPages, ReadQuestion, ReadRequest } from '@forebay/core/cache-node';
import type { KeptObject, KeptPages } from '@forebay/core/kept-pages';
import type { ObjectRef } from '@forebay/core/mount';
import { type ObjectInfo, versionOf } from '@forebay/core/object';
import type { ObjectStat } from '@forebay/core/object-stat';
import { pageLengthBytes } from '@forebay/core/page';
import type { PagePeer } from '../page-peer.ts';
import { lake, pageSizeBytes } from './fakes.ts';

interface Held {
  readonly object: ObjectRef;
  readonly info: ObjectInfo;
  readonly pages: Map<number, Uint8Array>;
}

export class FakeKeptPages implements KeptPages {
  readonly #held = new Map<string, Held>();
  /** Pages that were read again: `key index`. */
  readonly hot = new Set<string>();
  /** Called before each page is kept: false refuses it. */
  mayKeep: (index: number) => boolean = () => true;

  get pageCount(): number {
    return [...this.#held.values()].reduce((sum, { pages }) => sum + pages.size, 0);
  }

  /** Of all versions: `key index`. */
  get names(): string[] {
    const names = [...this.#held.values()].flatMap(({ object, pages }) =>
      [...pages.keys()].map((index) => `${object.ufsKey} ${index}`),
    );
    return names.sort();
  }

  /** Keys in the order in which their first pages came. */
  get keys(): string[] {
    return [...this.#held.values()].map(({ object }) => object.ufsKey);
  }

  bytesOf(key: string, index: number): Uint8Array | undefined {
    for (const { object, pages } of this.#held.values()) if (object.ufsKey === key) return pages.get(index);
    return undefined;
  }

  async each(take: (kept: KeptObject) => Promise<void>, signal: AbortSignal): Promise<void> {
    for (const { object, info, pages } of [...this.#held.values()]) {
      signal.throwIfAborted();
      const indexes = [...pages.keys()].sort((a, b) => a - b);
      const hot = indexes.filter((index) => this.hot.has(`${object.ufsKey} ${index}`));
      await take({ path: `lake/${object.ufsKey}`, object, info, indexes, hot });
    }
  }

  find(path: string, mountPath: string): ObjectRef | undefined {
    return mountPath === lake.path ? { mount: lake, ufsKey: path.slice('lake/'.length) } : undefined;
  }

  has(object: ObjectRef, info: ObjectInfo, index: number): boolean {
    return this.#of(object, info)?.pages.has(index) === true;
  }

  async put(page: {
    object: ObjectRef;
    info: ObjectInfo;
    index: number;
    bytes: Uint8Array;
  }): Promise<boolean> {
    const { object, info, index, bytes } = page;
    if (!this.mayKeep(index)) return false;
    const held = this.#of(object, info) ?? { object, info, pages: new Map() };
    held.pages.set(index, Buffer.from(bytes));
    this.#held.set(nameOf(object, info), held);
    return true;
  }

  remove(key: string, index: number): void {
    for (const { object, pages } of this.#held.values()) if (object.ufsKey === key) pages.delete(index);
  }

  async read({ object, info, range }: ReadRequest): Promise<OpenedPages> {
    const pages = this.#of(object, info)?.pages ?? new Map<number, Uint8Array>();
    const pieces: Uint8Array[] = [];
    let at = range.start;
    while (at < range.endExclusive) {
      const index = Math.floor(at / pageSizeBytes);
      const end = Math.min(
        range.endExclusive,
        index * pageSizeBytes + pageLengthBytes(index, info.sizeBytes, pageSizeBytes),
      );
      const bytes = pages.get(index);
      if (!bytes) break;
      pieces.push(bytes.subarray(at - index * pageSizeBytes, end - index * pageSizeBytes));
      at = end;
    }
    const body = pieces.length > 0 ? Buffer.concat(pieces) : undefined;
    return { nodeId: 'fake', endExclusive: at, pages: { hit: 0, total: 0 }, body };
  }

  async stat({ object }: ReadQuestion): Promise<ObjectStat> {
    const held = [...this.#held.values()].find((known) => known.object.ufsKey === object.ufsKey);
    const pages = { cached: held?.pages.size ?? 0, total: 0, cachedBytes: 0, places: [] };
    // Only what is looked at.
    return { info: held?.info, pages } as unknown as ObjectStat;
  }

  /** As others see it. */
  asPeer(call: PagePeer['call']): PagePeer {
    return {
      read: (request) => this.read(request),
      stat: (question) => this.stat(question),
      call,
    };
  }

  #of(object: ObjectRef, info: ObjectInfo): Held | undefined {
    return this.#held.get(nameOf(object, info));
  }
}

function nameOf(object: ObjectRef, info: ObjectInfo): string {
  return `${object.ufsKey} ${versionOf(info)}`;
}
