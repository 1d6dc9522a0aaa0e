/**
 * Listing of a bucket as clients see it: the listings of its mounts, nested ones included, as one sequence
 * in UTF-8 byte order (S3-WIRE 105-110). Nothing is cached here. The order, the bounds and the grouping hold
 * whatever a UFS answers: entries at or below the start are dropped, and a group that two mounts share is
 * listed once.
 */
import { ForebayError } from '@forebay/core/errors';
import type { Mount } from '@forebay/core/mount';
import { afterPrefix, compareUtf8 } from '@forebay/core/utf8-order';
import type { UfsListEntry, UfsVersionsRequest } from '@forebay/ufs/ufs';
import { groupOf, intervalsWithPrefix, type KeyInterval } from './key-intervals.ts';
import {
  greatest,
  isBelow,
  isBelowOrAt,
  laterOf,
  type Position,
  type Start,
  skipGroup,
  toClientText,
  toUfsText,
  ufsStartOf,
} from './list-position.ts';
import { emptyIfMissing } from './pattern-part.ts';

/** A line of a UFS's listing: an object, or one of several versions under one key. */
export interface Listed {
  readonly key: string;
  readonly versionId?: string | undefined;
}

/** What a UFS lists, whatever it is. */
export interface Lister<Entry extends Listed = UfsListEntry> {
  list(request: UfsVersionsRequest): Promise<{
    readonly entries: readonly Entry[];
    readonly commonPrefixes: readonly string[];
    readonly truncated: boolean;
  }>;
}

export interface NamespaceListRequest<Entry extends Listed = UfsListEntry> {
  /** Mounts of the bucket. */
  readonly mounts: readonly Mount[];
  readonly ufsOf: (mount: Mount) => Lister<Entry> | Promise<Lister<Entry>>;
  /** Empty: none. */
  readonly prefix: string;
  /** Never empty. */
  readonly delimiter?: string | undefined;
  /** Exclusive: a key, or a common prefix whose keys are all left out. Empty: from the beginning. */
  readonly after: string;
  /** Of the key `after`: versions after this one are listed. */
  readonly afterVersion?: string | undefined;
  /** Objects and common prefixes together, 0 to 1,000. */
  readonly maxKeys: number;
  readonly signal?: AbortSignal | undefined;
}

/** `key` is the client's. */
export type ListedObject = UfsListEntry;

export interface NamespaceListing<Entry extends Listed = UfsListEntry> {
  /** Their keys are the client's. */
  readonly objects: readonly Entry[];
  readonly commonPrefixes: readonly string[];
  readonly truncated: boolean;
  /** The last key or common prefix of the page: the next page begins after it. */
  readonly last: string | undefined;
  /** Of the last line, where it is a version. */
  readonly lastVersion: string | undefined;
}

/** One line of the listing. `moreFollow`: known without asking further. */
interface Item<Entry> {
  readonly text: string;
  readonly object: Entry | undefined;
  readonly moreFollow: boolean;
}

const emptyListing = { entries: [], commonPrefixes: [], truncated: false };

export async function listNamespace<Entry extends Listed>(
  request: NamespaceListRequest<Entry>,
): Promise<NamespaceListing<Entry>> {
  const objects: Entry[] = [];
  const commonPrefixes: string[] = [];
  let last: Item<Entry> | undefined;
  const nothing = { truncated: false, last: undefined, lastVersion: undefined };
  if (request.maxKeys === 0) return { objects, commonPrefixes, ...nothing };
  const items = new ListWalk(request).items();
  let truncated = false;
  for await (const item of items) {
    if (objects.length + commonPrefixes.length === request.maxKeys) {
      truncated = true;
      break;
    }
    if (item.object) objects.push(item.object);
    else commonPrefixes.push(item.text);
    last = item;
    if (objects.length + commonPrefixes.length === request.maxKeys && item.moreFollow) {
      truncated = true;
      break;
    }
  }
  const lastVersion = last?.object?.versionId;
  return { objects, commonPrefixes, truncated, last: last?.text, lastVersion };
}

class ListWalk<Entry extends Listed> {
  readonly #request: NamespaceListRequest<Entry>;
  #emitted = 0;
  #lastText: string | undefined;

  constructor(request: NamespaceListRequest<Entry>) {
    this.#request = request;
  }

  async *items(): AsyncGenerator<Item<Entry>, void, undefined> {
    const { mounts, prefix, after } = this.#request;
    if (after !== '' && !after.startsWith(prefix) && compareUtf8(after, prefix) > 0) return;
    const intervals = intervalsWithPrefix(mounts, prefix);
    for (const [index, interval] of intervals.entries()) {
      const position = this.#enter(interval, index === intervals.length - 1);
      if (!position) continue;
      const ufs = await this.#request.ufsOf(interval.mount);
      for await (const item of this.#walkInterval(interval.mount, ufs, position)) {
        // Two mounts may hold keys of one common prefix: the second one adds nothing.
        if (!item.object && item.text === this.#lastText) continue;
        this.#lastText = item.text;
        this.#emitted += 1;
        yield item;
      }
    }
  }

  /** The position to begin an interval at, or undefined where nothing of it is left behind `after`. */
  #enter(interval: KeyInterval, isLast: boolean): Position | undefined {
    const { after, afterVersion, prefix, delimiter } = this.#request;
    const { start, endExclusive, behindPrefix } = interval;
    const position: Position = {
      atLeast: start,
      endExclusive,
      startAfter: behindPrefix === undefined ? undefined : behindPrefix + greatest,
      within: afterVersion === undefined ? undefined : { key: after, versionId: afterVersion },
      isLast,
    };
    if (after !== '' && after.startsWith(prefix)) {
      const group = groupOf(after, prefix, delimiter);
      // At or past the text of a group, the rest of the group is skipped (S3-WIRE 108).
      if (group !== undefined) return skipGroup(position, group) ? position : undefined;
      if (compareUtf8(after, start) >= 0) position.startAfter = laterOf(position.startAfter, after);
    }
    return endExclusive !== undefined && compareUtf8(after, endExclusive) >= 0 ? undefined : position;
  }

  async *#walkInterval(
    mount: Mount,
    ufs: Lister<Entry>,
    position: Position,
  ): AsyncGenerator<Item<Entry>, void, undefined> {
    const { prefix, delimiter } = this.#request;
    const entered = groupOf(position.atLeast, prefix, delimiter);
    // The interval begins in the middle of a group, or the whole mount lies in one: any key stands for the
    // group.
    if (entered !== undefined && (entered !== position.atLeast || entered.length <= mount.keyPrefix.length)) {
      if (entered !== this.#lastText && (await this.#holdsKey(mount, ufs, entered, position))) {
        yield { text: entered, object: undefined, moreFollow: false };
      }
      if (!skipGroup(position, entered)) return;
    }
    for (;;) {
      const asked = { ...position };
      const page = await this.#page(mount, ufs, position);
      let jumped = false;
      for (const [index, line] of page.lines.entries()) {
        if (!this.#isAhead(line.text, position)) continue;
        if (!isBelow(line.text, position.endExclusive)) return;
        const group = line.object ? groupOf(line.text, prefix, delimiter) : line.text;
        const moreFollow =
          index < page.lines.length - 1 ? position.isLast : page.truncated && position.isLast;
        if (group === undefined) {
          yield { ...line, moreFollow };
          continue;
        }
        const reachesOut = !isBelowOrAt(afterPrefix(group), position.endExclusive);
        // A group that reaches beyond the interval may owe its being to keys that a nested mount hides.
        if (line.object || !reachesOut || (await this.#holdsKey(mount, ufs, group, position))) {
          yield { text: group, object: undefined, moreFollow: moreFollow && !line.object };
        }
        if (!skipGroup(position, group)) return;
        if (line.object) {
          jumped = true;
          break;
        }
      }
      if (jumped) continue;
      if (!page.truncated) return;
      Object.assign(position, this.#progress(page, asked));
    }
  }

  async #page(mount: Mount, ufs: Lister<Entry>, position: Position) {
    const { prefix, delimiter, maxKeys, signal } = this.#request;
    const beyondPrefix = mount.keyPrefix.length > prefix.length;
    const listing = await this.#list(mount, ufs, {
      prefix: beyondPrefix ? mount.ufs.prefix : toUfsText(mount, prefix),
      // A delimiter of several characters could begin in the mount's path, which its UFS does not see.
      delimiter: beyondPrefix && delimiter !== undefined && delimiter.length > 1 ? undefined : delimiter,
      ...ufsStartOf(mount, position),
      maxKeys: Math.max(1, maxKeys - this.#emitted),
      signal,
    });
    const lines = [
      ...listing.commonPrefixes.map((text) => ({ text: toClientText(mount, text), object: undefined })),
      ...listing.entries.map((entry) => {
        const key = toClientText(mount, entry.key);
        return { text: key, object: { ...entry, key } };
      }),
    ];
    if (listing.commonPrefixes.length > 0) lines.sort((a, b) => compareUtf8(a.text, b.text));
    return { lines, truncated: listing.truncated };
  }

  #list(mount: Mount, ufs: Lister<Entry>, request: UfsVersionsRequest): ReturnType<Lister<Entry>['list']> {
    const { mounts } = this.#request;
    return emptyIfMissing({ mount, mounts }, emptyListing, () => ufs.list(request));
  }

  #isAhead(text: string, position: Position): boolean {
    const order = compareUtf8(text, this.#request.after);
    const isBehind = order > 0 || (order === 0 && this.#request.afterVersion !== undefined);
    return isBehind && compareUtf8(text, position.atLeast) >= 0;
  }

  /** Where the UFS is to go on behind a page. */
  #progress(page: Page<Entry>, { startAfter, within }: Start): Start {
    const line = page.lines.at(-1);
    const next = line && (line.object ? line.text : line.text + greatest);
    const versionId = line?.object?.versionId;
    const order = next === undefined ? -1 : startAfter === undefined ? 1 : compareUtf8(next, startAfter);
    const isSameKey = order === 0 && versionId !== undefined && versionId !== within?.versionId;
    if (next === undefined || (order <= 0 && !isSameKey)) {
      throw new ForebayError('ufs-unavailable', 'the listing of the UFS is truncated but makes no progress');
    }
    return { startAfter: next, within: { key: next, versionId } };
  }

  /** Whether the mount has a key of the group at or behind the position and inside the interval. */
  async #holdsKey(mount: Mount, ufs: Lister<Entry>, group: string, position: Position): Promise<boolean> {
    const prefix = mount.keyPrefix.length > group.length ? mount.keyPrefix : group;
    let start: Start = position;
    for (;;) {
      const listing = await this.#list(mount, ufs, {
        prefix: toUfsText(mount, prefix),
        ...ufsStartOf(mount, start),
        maxKeys: 2,
        signal: this.#request.signal,
      });
      const keys = listing.entries.map((entry) => toClientText(mount, entry.key));
      const found = keys.find((key) => this.#isAhead(key, position));
      if (found !== undefined) return isBelow(found, position.endExclusive);
      if (!listing.truncated) return false;
      const lines = listing.entries.map((entry) => ({ text: toClientText(mount, entry.key), object: entry }));
      start = this.#progress({ lines }, start);
    }
  }
}

interface Page<Entry> {
  readonly lines: readonly Pick<Item<Entry>, 'text' | 'object'>[];
}
