/**
 * Listings over any store that can find the next key: prefix, delimiter, start-after and limit, in UTF-8
 * byte order (S3-WIRE 105-110). Whoever holds keys implements KeyCursor; nothing here reads more keys than
 * are shown.
 */

import { compareUtf8 } from '@forebay/core/utf8-order';
import type { UfsListRequest } from '../ufs.ts';

export interface KeyScan {
  readonly prefix: string;
  /** Keys are wanted only up to this text after the prefix; never empty. */
  readonly delimiter: string | undefined;
}

/**
 * Where a scan goes on: `from` the text itself, `after` it, or `past` every key that starts with it.
 * Bounds of one scan only ever move forward.
 */
export interface Bound {
  readonly kind: 'from' | 'after' | 'past';
  readonly text: string;
}

export interface KeyCursor {
  /**
   * The first key within the bound that starts with the scan's prefix. A cursor may answer, for keys of one
   * group, with any text that starts with the group's.
   */
  next(bound: Bound): Promise<string | undefined>;
}

export function isExcluded(bound: Bound, key: string): boolean {
  const order = compareUtf8(key, bound.text);
  if (bound.kind === 'from') return order < 0;
  if (bound.kind === 'after') return order <= 0;
  return order < 0 || key.startsWith(bound.text);
}

/** Whether no key that starts with `head` can be within the bound. */
export function isSubtreeExcluded(bound: Bound, head: string): boolean {
  if (bound.kind === 'past' && head.startsWith(bound.text)) return true;
  return compareUtf8(head, bound.text) < 0 && !bound.text.startsWith(head);
}

/** Prefix and all up to the first delimiter after it; undefined for a key that is shown as itself. */
export function groupOf(key: string, scan: KeyScan): string | undefined {
  if (scan.delimiter === undefined || !key.startsWith(scan.prefix)) return undefined;
  const at = key.indexOf(scan.delimiter, scan.prefix.length);
  return at < 0 ? undefined : key.slice(0, at + scan.delimiter.length);
}

/** An empty delimiter is as if absent (S3-WIRE 108). */
export function scanOf(request: { prefix: string; delimiter?: string | undefined }): KeyScan {
  return { prefix: request.prefix, delimiter: request.delimiter || undefined };
}

/** A start-after inside a group is past that group's text, so the rest of the group is left out too. */
export function firstBound(scan: KeyScan, startAfter: string | undefined): Bound {
  if (startAfter === undefined || compareUtf8(startAfter, scan.prefix) < 0) {
    return { kind: 'from', text: scan.prefix };
  }
  const group = groupOf(startAfter, scan);
  return group === undefined ? { kind: 'after', text: startAfter } : { kind: 'past', text: group };
}

export type Listed =
  | { readonly kind: 'key'; readonly text: string }
  | { readonly kind: 'group'; readonly text: string };

/** At most `maxKeys` keys and groups together; `truncated` says that at least one more follows. */
export async function collectKeys(
  cursor: KeyCursor,
  request: UfsListRequest,
): Promise<{ listed: Listed[]; truncated: boolean }> {
  const scan = scanOf(request);
  const listed: Listed[] = [];
  if (request.maxKeys <= 0) return { listed, truncated: false };
  let bound = firstBound(scan, request.startAfter);
  for (;;) {
    request.signal?.throwIfAborted();
    const key = await cursor.next(bound);
    if (key === undefined) return { listed, truncated: false };
    if (listed.length === request.maxKeys) return { listed, truncated: true };
    const group = groupOf(key, scan);
    listed.push(group === undefined ? { kind: 'key', text: key } : { kind: 'group', text: group });
    bound = group === undefined ? { kind: 'after', text: key } : { kind: 'past', text: group };
  }
}

/** Two cursors of one scan as one; a key in both comes once. */
export class MergedCursor implements KeyCursor {
  readonly #cursors: readonly KeyCursor[];
  /** `undefined`: not asked yet; `'end'`: nothing more. */
  readonly #heads: ({ key: string } | 'end' | undefined)[];

  constructor(cursors: readonly KeyCursor[]) {
    this.#cursors = cursors;
    this.#heads = cursors.map(() => undefined);
  }

  async next(bound: Bound): Promise<string | undefined> {
    let least: string | undefined;
    for (const [index, cursor] of this.#cursors.entries()) {
      let head = this.#heads[index];
      if (head === undefined || (head !== 'end' && isExcluded(bound, head.key))) {
        const key = await cursor.next(bound);
        head = key === undefined ? 'end' : { key };
        this.#heads[index] = head;
      }
      if (head !== 'end' && (least === undefined || compareUtf8(head.key, least) < 0)) least = head.key;
    }
    return least;
  }
}
