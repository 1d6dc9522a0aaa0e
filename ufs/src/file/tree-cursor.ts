/**
 * The plain keys of a directory tree in UTF-8 byte order. A directory sorts as `name/`, so each directory
 * is read once, when the scan gets there, and those outside prefix and bound are not read at all. What the
 * delimiter folds into one group is not entered: only whether any key lies in it is asked.
 */
import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { constants } from 'node:fs';
import { lstat, open, opendir, readdir } from 'node:fs/promises';
import { compareUtf8 } from '@forebay/core/utf8-order';
import {
  type Bound,
  groupOf,
  isExcluded,
  isSubtreeExcluded,
  type KeyCursor,
  type KeyScan,
} from '../local/listing.ts';
import { absentAsUndefined } from './fs-errors.ts';
import { hiddenName, type Layout } from './layout.ts';
import type { RealDirectory, RealTree } from './real-directory.ts';

type EntryKind = 'file' | 'directory' | 'link';

interface Entry {
  /** The key, or for a directory what its keys start with. */
  readonly text: string;
  readonly kind: EntryKind;
}

interface Frame {
  readonly entries: readonly Entry[];
  index: number;
}

export class TreeCursor implements KeyCursor {
  readonly #layout: Layout;
  readonly #tree: RealTree;
  readonly #scan: KeyScan;
  #frames: Frame[] | undefined;

  constructor(layout: Layout, tree: RealTree, scan: KeyScan) {
    this.#layout = layout;
    this.#tree = tree;
    this.#scan = scan;
  }

  async next(bound: Bound): Promise<string | undefined> {
    this.#frames ??= [
      await this.#load(this.#scan.prefix.slice(0, this.#scan.prefix.lastIndexOf('/') + 1), bound),
    ];
    for (;;) {
      const frame = this.#frames.at(-1);
      if (!frame) return undefined;
      const entry = frame.entries[frame.index];
      if (!entry) {
        this.#frames.pop();
      } else if (this.#isOutside(entry, bound)) {
        frame.index += 1;
      } else if (entry.kind !== 'directory') {
        if (entry.kind === 'file' || (await this.#isLinkToFile(entry.text))) return entry.text;
        frame.index += 1;
      } else if (groupOf(entry.text, this.#scan) !== undefined) {
        if (await this.#holdsKey(entry.text)) return entry.text;
        frame.index += 1;
      } else {
        frame.index += 1;
        this.#frames.push(await this.#load(entry.text, bound));
      }
    }
  }

  #isOutside(entry: Entry, bound: Bound): boolean {
    const { prefix } = this.#scan;
    if (entry.kind !== 'directory') return !entry.text.startsWith(prefix) || isExcluded(bound, entry.text);
    if (!entry.text.startsWith(prefix) && !prefix.startsWith(entry.text)) return true;
    return isSubtreeExcluded(bound, entry.text);
  }

  async #load(head: string, bound: Bound): Promise<Frame> {
    const directory = await this.#open(head);
    if (!directory) return { entries: [], index: 0 };
    try {
      const found = await readdir(directory.innerPath, { withFileTypes: true, encoding: 'buffer' });
      const entries: Entry[] = [];
      for (const dirent of found) {
        const entry = await entryOf(directory, head, dirent);
        if (entry && !this.#isOutside(entry, bound)) entries.push(entry);
      }
      entries.sort((a, b) => compareUtf8(a.text, b.text));
      return { entries, index: 0 };
    } finally {
      await directory.close();
    }
  }

  /** Looks no further than the first key. */
  async #holdsKey(head: string): Promise<boolean> {
    const directory = await this.#open(head);
    if (!directory) return false;
    const below: string[] = [];
    try {
      for await (const dirent of await opendir(directory.innerPath, {
        encoding: 'buffer' as BufferEncoding,
      })) {
        const entry = await entryOf(directory, head, dirent as unknown as Dirent<Buffer>);
        if (entry?.kind === 'directory') below.push(entry.text);
        else if (entry && (entry.kind === 'file' || (await this.#isLinkToFile(entry.text)))) return true;
      }
    } finally {
      await directory.close();
    }
    for (const text of below) if (await this.#holdsKey(text)) return true;
    return false;
  }

  /** @param head empty, or ends with `/` */
  async #open(head: string): Promise<RealDirectory | undefined> {
    if (head === '') return this.#tree.open([]);
    const segments = this.#layout.segmentsOf(head.slice(0, -1));
    return segments && this.#tree.open(segments);
  }

  async #isLinkToFile(key: string): Promise<boolean> {
    const segments = this.#layout.segmentsOf(key);
    if (!segments) return false;
    const { O_NONBLOCK, O_RDONLY } = constants;
    const handle = await absentAsUndefined(open(this.#layout.pathOf(segments), O_RDONLY | O_NONBLOCK));
    if (!handle) return false;
    try {
      return (await handle.stat()).isFile() && (await this.#tree.holds(handle, segments));
    } finally {
      await handle.close();
    }
  }
}

/** Undefined for what is no object: sockets, devices, names that are no UTF-8, the hidden area. */
async function entryOf(
  directory: RealDirectory,
  head: string,
  dirent: Dirent<Buffer>,
): Promise<Entry | undefined> {
  if (!isUtf8(dirent.name)) return undefined;
  const name = dirent.name.toString();
  if (head === '' && name === hiddenName) return undefined;
  const kind =
    kindOf(dirent) ?? (isOfUnknownType(dirent) ? await kindByStat(directory.child(name)) : undefined);
  if (kind === undefined) return undefined;
  return { text: kind === 'directory' ? `${head}${name}/` : head + name, kind };
}

function kindOf(entry: Pick<Dirent, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): EntryKind | undefined {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : undefined;
}

/** Some file systems name no types in their directories. */
function isOfUnknownType(dirent: Dirent<Buffer>): boolean {
  return !(dirent.isSocket() || dirent.isFIFO() || dirent.isBlockDevice() || dirent.isCharacterDevice());
}

async function kindByStat(path: string): Promise<EntryKind | undefined> {
  const stats = await absentAsUndefined(lstat(path));
  return stats && kindOf(stats);
}
