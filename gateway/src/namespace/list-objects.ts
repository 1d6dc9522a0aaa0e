/**
 * Listing of a bucket as clients see it: the listings of its mounts, nested ones included, as one sequence
 * in UTF-8 byte order (S3-WIRE 105-110). Nothing is cached here. The order, the bounds and the grouping hold
 * whatever a UFS answers: entries at or below the start are dropped, and a group that two mounts share is
 * listed once.
 */
import { ForebayError } from '@forebay/core/errors';
import type { Mount } from '@forebay/core/mount';
import { afterPrefix, compareUtf8 } from '@forebay/core/utf8-order';
import type { UfsListEntry, UfsListing, UfsListRequest } from '@forebay/ufs/ufs';
import { groupOf, intervalsWithPrefix, type KeyInterval } from './key-intervals.ts';
import type { Lister } from './list-cache.ts';
import { emptyIfMissing } from './pattern-part.ts';

export interface NamespaceListRequest {
  /** Mounts of the bucket. */
  readonly mounts: readonly Mount[];
  readonly ufsOf: (mount: Mount) => Lister | Promise<Lister>;
  /** Empty: none. */
  readonly prefix: string;
  /** Never empty. */
  readonly delimiter?: string | undefined;
  /** Exclusive: a key, or a common prefix whose keys are all left out. Empty: from the beginning. */
  readonly after: string;
  /** Objects and common prefixes together, 0 to 1,000. */
  readonly maxKeys: number;
  readonly signal?: AbortSignal | undefined;
}

/** `key` is the client's. */
export type ListedObject = UfsListEntry;

export interface NamespaceListing {
  readonly objects: readonly ListedObject[];
  readonly commonPrefixes: readonly string[];
  readonly truncated: boolean;
  /** The last key or common prefix of the page: the next page begins after it. */
  readonly last: string | undefined;
}

/** One line of the listing. `moreFollow`: known without asking further. */
interface Item {
  readonly text: string;
  readonly object: ListedObject | undefined;
  readonly moreFollow: boolean;
}

// Sorts behind (nearly) every key with the prefix before it; what is left over is dropped by comparison.
const greatest = '\u{10ffff}';

const emptyListing: UfsListing = { entries: [], commonPrefixes: [], truncated: false };

export async function listNamespace(request: NamespaceListRequest): Promise<NamespaceListing> {
  const objects: ListedObject[] = [];
  const commonPrefixes: string[] = [];
  let last: Item | undefined;
  if (request.maxKeys === 0) return { objects, commonPrefixes, truncated: false, last: undefined };
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
  return { objects, commonPrefixes, truncated, last: last?.text };
}

/** Where a walk stands in an interval: what is below `atLeast`, or not above `after`, is not listed. */
interface Position {
  atLeast: string;
  readonly endExclusive: string | undefined;
  /** For the UFS, so that it need not send what would be dropped. */
  startAfter: string | undefined;
  readonly isLast: boolean;
}

class ListWalk {
  readonly #request: NamespaceListRequest;
  #emitted = 0;
  #lastText: string | undefined;

  constructor(request: NamespaceListRequest) {
    this.#request = request;
  }

  async *items(): AsyncGenerator<Item, void, undefined> {
    const { mounts, prefix, after } = this.#request;
    if (after !== '' && !after.startsWith(prefix) && compareUtf8(after, prefix) > 0) return;
    const intervals = intervalsWithPrefix(mounts, prefix);
    for (const [index, interval] of intervals.entries()) {
      const position = this.#enter(interval, index === intervals.length - 1);
      if (!position) continue;
      const ufs = await this.#request.ufsOf(interval.mount);
      for await (const item of this.#walkInterval(interval.mount, ufs, position)) {
        // Two mounts may hold keys of one common prefix: the second one adds nothing.
        if (item.text === this.#lastText) continue;
        this.#lastText = item.text;
        this.#emitted += 1;
        yield item;
      }
    }
  }

  /** The position to begin an interval at, or undefined where nothing of it is left behind `after`. */
  #enter(interval: KeyInterval, isLast: boolean): Position | undefined {
    const { after, prefix, delimiter } = this.#request;
    const { start, endExclusive, behindPrefix } = interval;
    const position: Position = {
      atLeast: start,
      endExclusive,
      startAfter: behindPrefix === undefined ? undefined : behindPrefix + greatest,
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

  async *#walkInterval(mount: Mount, ufs: Lister, position: Position): AsyncGenerator<Item, void, undefined> {
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
      const askedAfter = position.startAfter;
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
      position.startAfter = this.#progress(page, askedAfter);
    }
  }

  async #page(mount: Mount, ufs: Lister, position: Position) {
    const { prefix, delimiter, maxKeys, signal } = this.#request;
    const beyondPrefix = mount.keyPrefix.length > prefix.length;
    const listing = await this.#list(mount, ufs, {
      prefix: beyondPrefix ? mount.ufs.prefix : toUfsText(mount, prefix),
      // A delimiter of several characters could begin in the mount's path, which its UFS does not see.
      delimiter: beyondPrefix && delimiter !== undefined && delimiter.length > 1 ? undefined : delimiter,
      startAfter: position.startAfter === undefined ? undefined : toUfsText(mount, position.startAfter),
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

  #list(mount: Mount, ufs: Lister, request: UfsListRequest): Promise<UfsListing> {
    const { mounts } = this.#request;
    return emptyIfMissing({ mount, mounts }, emptyListing, () => ufs.list(request));
  }

  #isAhead(text: string, position: Position): boolean {
    return compareUtf8(text, this.#request.after) > 0 && compareUtf8(text, position.atLeast) >= 0;
  }

  #progress(page: { lines: readonly Pick<Item, 'text' | 'object'>[] }, before: string | undefined): string {
    const line = page.lines.at(-1);
    const next = line && (line.object ? line.text : line.text + greatest);
    if (next === undefined || (before !== undefined && compareUtf8(next, before) <= 0)) {
      throw new ForebayError('ufs-unavailable', 'the listing of the UFS is truncated but makes no progress');
    }
    return next;
  }

  /** Whether the mount has a key of the group at or behind the position and inside the interval. */
  async #holdsKey(mount: Mount, ufs: Lister, group: string, position: Position): Promise<boolean> {
    const prefix = mount.keyPrefix.length > group.length ? mount.keyPrefix : group;
    let startAfter = position.startAfter;
    for (;;) {
      const listing = await this.#list(mount, ufs, {
        prefix: toUfsText(mount, prefix),
        startAfter: startAfter === undefined ? undefined : toUfsText(mount, startAfter),
        maxKeys: 2,
        signal: this.#request.signal,
      });
      const keys = listing.entries.map((entry) => toClientText(mount, entry.key));
      const found = keys.find((key) => this.#isAhead(key, position));
      if (found !== undefined) return isBelow(found, position.endExclusive);
      if (!listing.truncated) return false;
      startAfter = this.#progress({ lines: listing.entries.map(keyLineOf(mount)) }, startAfter);
    }
  }
}

function keyLineOf(mount: Mount) {
  return (entry: UfsListEntry) => ({ text: toClientText(mount, entry.key), object: entry });
}

/** Moves behind every key of a group; false where nothing of the interval is left. */
function skipGroup(position: Position, group: string): boolean {
  const behind = afterPrefix(group);
  if (behind === undefined) return false;
  if (compareUtf8(behind, position.atLeast) > 0) {
    position.atLeast = behind;
    position.startAfter = laterOf(position.startAfter, group + greatest);
  }
  return isBelow(position.atLeast, position.endExclusive);
}

function isBelow(text: string, endExclusive: string | undefined): boolean {
  return endExclusive === undefined || compareUtf8(text, endExclusive) < 0;
}

function isBelowOrAt(text: string | undefined, end: string | undefined): boolean {
  if (end === undefined) return true;
  return text !== undefined && compareUtf8(text, end) <= 0;
}

function laterOf(a: string | undefined, b: string): string {
  return a !== undefined && compareUtf8(a, b) > 0 ? a : b;
}

function toUfsText(mount: Mount, text: string): string {
  return mount.ufs.prefix + text.slice(mount.keyPrefix.length);
}

function toClientText(mount: Mount, ufsText: string): string {
  return mount.keyPrefix + ufsText.slice(mount.ufs.prefix.length);
}
