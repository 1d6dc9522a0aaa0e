/**
 * The catalogue of a page directory: what object each set of pages belongs to. It is only read through, to
 * free a prefix or to apply policies, and never kept in memory. Files of blocks (journal-format.ts) of kind
 * sets, each a sequence of: the set (16 bytes), length of the description (32 bits, little-endian), the
 * description (page-stamp.ts). A set may stand there more than once, and after its last page is gone.
 */
import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { PageSetId } from '@forebay/core/page';
import { AppendFile } from './append-file.ts';
import { type DirectoryLayout, diskBytesOf, numberOf } from './directory-layout.ts';
import type { DiskBudget } from './disk-budget.ts';
import type { KeptFile } from './journal.ts';
import { blockKinds, blockOf, readBlocks } from './journal-format.ts';
import { type Description, decodeDescription } from './page-stamp.ts';

const flushDelayMs = 50;
const flushBytes = 256 * 1024;
/** Of one file: it is rewritten as a whole. */
const fileBytesMax = 16 * 1024 * 1024;
const waitingBytesMax = 8 * 1024 * 1024;
/** Sets described last, so that each page of an object does not describe it again. */
const rememberedSetsMax = 32 * 1024;
const growthBytesMin = 4 * 1024 * 1024;

export interface DescribedSet {
  readonly set: PageSetId;
  readonly of: Description;
}

export class Catalogue {
  readonly #layout: DirectoryLayout;
  readonly #budget: DiskBudget;
  readonly #onError: (error: unknown) => void;
  #number = 1;
  #file: AppendFile;
  #kept: KeptFile[] = [];
  #compactedBytes = 0;
  #remembered = new Set<PageSetId>();
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #compacting: Promise<void> = Promise.resolve();
  /** Who reads through it, maybe for long: no file of it goes meanwhile. */
  #walks = 0;

  constructor(options: {
    layout: DirectoryLayout;
    budget: DiskBudget;
    onError: (error: unknown) => void;
  }) {
    this.#layout = options.layout;
    this.#budget = options.budget;
    this.#onError = options.onError;
    this.#file = this.#newFile();
  }

  /** Finds what is there. @throws what the system says. */
  async open(): Promise<void> {
    for (const name of await readdir(this.#layout.catalogue)) {
      const path = join(this.#layout.catalogue, name);
      const number = numberOf(name, '.sets');
      if (number === undefined) {
        await unlink(path).catch(() => {});
        continue;
      }
      const diskBytes = diskBytesOf((await stat(path)).size);
      this.#budget.count(diskBytes);
      this.#kept.push({ path, diskBytes });
      this.#number = Math.max(this.#number, number + 1);
    }
    this.#file = this.#newFile();
    this.#compactedBytes = this.#bytes();
  }

  describe(set: PageSetId, description: Buffer): void {
    if (this.#remembered.has(set) || this.#waitingBytes > waitingBytesMax) return;
    this.#remember(set);
    const head = Buffer.allocUnsafe(20);
    head.write(set, 0, 16, 'hex');
    head.writeUInt32LE(description.byteLength, 16);
    this.#waiting.push(head, description);
    this.#waitingBytes += 20 + description.byteLength;
    if (this.#waitingBytes > flushBytes && !this.#flushing) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), flushDelayMs);
  }

  /** Never throws. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#flushing) await this.#flushing;
    if (this.#waiting.length === 0) return;
    const body = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#flushing = this.#append(body).finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  /**
   * Every set with its object, some at a time; some without pages by now, some more than once. Never throws;
   * false where some of it cannot be read.
   */
  async each(take: (described: readonly DescribedSet[]) => Promise<void>): Promise<boolean> {
    this.#walks += 1;
    try {
      await this.#compacting;
      await this.flush();
      return await this.#each(take);
    } finally {
      this.#walks -= 1;
    }
  }

  async #each(take: (described: readonly DescribedSet[]) => Promise<void>): Promise<boolean> {
    let isWhole = true;
    for (const { path } of [...this.#kept, { path: this.#file.path }]) {
      const isSound = await readSets(path, async (sets) => {
        const described: DescribedSet[] = [];
        for (const [set, description] of sets) {
          const of = decodeDescription(description);
          if (of) described.push({ set, of });
        }
        await take(described);
      }).catch((error: NodeJS.ErrnoException) => {
        // The file being written may have nothing yet.
        if (error.code === 'ENOENT') return this.#file.path === path;
        this.#onError(error);
        return false;
      });
      isWhole &&= isSound;
    }
    return isWhole;
  }

  get wantsCompaction(): boolean {
    return this.#walks === 0 && this.#bytes() > 2 * this.#compactedBytes + growthBytesMin;
  }

  /** Writes the sets that still have pages anew. Never throws. */
  compact(isAlive: (set: PageSetId) => boolean): Promise<void> {
    this.#compacting = this.#compact(isAlive);
    return this.#compacting;
  }

  async #compact(isAlive: (set: PageSetId) => boolean): Promise<void> {
    try {
      await this.flush();
      while (this.#flushing) await this.#flushing;
      const rolled = this.#roll();
      this.#remembered = new Set();
      await rolled;
      const old = [...this.#kept];
      for (const { path } of old) {
        await readSets(path, async (sets) => {
          for (const [set, description] of sets) {
            if (isAlive(set)) this.describe(set, Buffer.from(description));
          }
          if (this.#waitingBytes > flushBytes) await this.flush();
        });
      }
      await this.flush();
      for (const { path, diskBytes } of old) {
        await unlink(path).catch(() => {});
        this.#budget.give(diskBytes);
      }
      this.#kept = this.#kept.filter((kept) => !old.includes(kept));
      this.#compactedBytes = this.#bytes();
    } catch (error) {
      this.#onError(error);
    }
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#file.close().catch(() => {});
  }

  #remember(set: PageSetId): void {
    this.#remembered.add(set);
    if (this.#remembered.size <= rememberedSetsMax) return;
    for (const oldest of this.#remembered) {
      this.#remembered.delete(oldest);
      break;
    }
  }

  async #append(body: Buffer): Promise<void> {
    try {
      if (!(await this.#file.append(blockOf(blockKinds.sets, body)))) this.#remembered = new Set();
      if (this.#file.diskBytes > fileBytesMax) await this.#roll();
    } catch (error) {
      this.#onError(error);
      await this.#roll();
    }
  }

  async #roll(): Promise<void> {
    const file = this.#file;
    if (file.diskBytes > 0) this.#kept.push({ path: file.path, diskBytes: file.diskBytes });
    this.#number += 1;
    this.#file = this.#newFile();
    await file.close().catch(() => {});
  }

  #newFile(): AppendFile {
    return new AppendFile(this.#layout.sets(this.#number), this.#budget);
  }

  #bytes(): number {
    return this.#kept.reduce((sum, { diskBytes }) => sum + diskBytes, this.#file.diskBytes);
  }
}

async function readSets(
  path: string,
  take: (sets: readonly [PageSetId, Buffer][]) => Promise<void>,
): Promise<boolean> {
  let blocks = 0;
  const isSound = await readBlocks(path, async ({ kind, body }) => {
    blocks += 1;
    if (kind !== blockKinds.sets) return;
    const sets: [PageSetId, Buffer][] = [];
    for (let at = 0; at + 20 <= body.byteLength; ) {
      const end = at + 20 + body.readUInt32LE(at + 16);
      if (end > body.byteLength) break;
      sets.push([body.toString('hex', at, at + 16), body.subarray(at + 20, end)]);
      at = end;
    }
    await take(sets);
  });
  return isSound && blocks > 0;
}
