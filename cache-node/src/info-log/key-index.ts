/**
 * Where the record of each key is: 8 bytes an entry in typed arrays, 9.4 to 11.8 with the free places between
 * them. Of a key it knows 44 bits, 12 of them by the shard, so that a table grows without a look at the disk.
 * Two keys that agree in all of them displace one another, which the record's whole key shows: a miss.
 *
 * A shard is a table kept in the order of its tags, free places strewn in between (linear probing, in order),
 * so that an absent key is known as early as a present one. Each shard grows by itself: a put that must grow
 * one copies that shard alone, a 4096th of all keys (at 48 million about 12,000 of them, 8 bytes each).
 */
import { segmentSlots, slotOf } from './location.ts';

export const shardCount = 4096;
const shardShift = 20;
const capacityMin = 16;
const loadMax = 0.85;
const growth = 1.25;
const wordSpan = 2 ** 32;
const none = new Uint32Array(0);

export class KeyIndex {
  /** By shard: pairs of tag and location, the location 0 where the place is free. */
  readonly #tables: Uint32Array[] = new Array<Uint32Array>(shardCount).fill(none);
  readonly #capacities = new Uint32Array(shardCount);
  readonly #used = new Uint32Array(shardCount);
  /** By slot of the segment: keys whose record is there. */
  readonly #live = new Uint32Array(segmentSlots);
  /** Slots whose segment is gone while entries point there, and the shards still to be swept for them. */
  readonly #gone = new Uint8Array(segmentSlots);
  #shardsToSweep = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Memory of the tables. */
  get sizeBytes(): number {
    let bytes = 0;
    for (const table of this.#tables) bytes += table.byteLength;
    return bytes;
  }

  liveIn(slot: number): number {
    return this.#live[slot]!;
  }

  /** The record's location; 0: not known. `word0` and `word1` are the first 64 bits of the key. */
  find(word0: number, word1: number): number {
    const shard = word0 >>> shardShift;
    const table = this.#tables[shard]!;
    const at = placeOf(table, this.#capacities[shard]!, word1);
    if (at >= table.length || table[at] !== word1) return 0;
    const location = table[at + 1]!;
    return this.#gone[slotOf(location)] === 1 ? 0 : location;
  }

  /** @returns where the record was before; 0: nowhere. */
  set(word0: number, word1: number, location: number): number {
    const shard = word0 >>> shardShift;
    this.#live[slotOf(location)]! += 1;
    this.#count += 1;
    for (;;) {
      const table = this.#tables[shard]!;
      const at = placeOf(table, this.#capacities[shard]!, word1);
      const before = table[at + 1] ?? 0;
      if (before !== 0 && table[at] === word1) {
        table[at + 1] = location;
        return this.#leave(before);
      }
      if (this.#used[shard]! < this.#capacities[shard]! * loadMax && insert(table, at, word1, location)) {
        this.#used[shard]! += 1;
        return 0;
      }
      this.#grow(shard);
    }
  }

  /** @returns where the record was; 0: nowhere. */
  delete(word0: number, word1: number): number {
    const shard = word0 >>> shardShift;
    const table = this.#tables[shard]!;
    const capacity = this.#capacities[shard]!;
    const at = placeOf(table, capacity, word1);
    const before = table[at + 1] ?? 0;
    if (before === 0 || table[at] !== word1) return 0;
    let end = at + 2;
    while (end < table.length && table[end + 1] !== 0 && homeOf(table[end]!, capacity) < end) end += 2;
    table.copyWithin(at, at + 2, end);
    table[end - 2] = 0;
    table[end - 1] = 0;
    this.#used[shard]! -= 1;
    return this.#leave(before);
  }

  #leave(location: number): number {
    const slot = slotOf(location);
    if (this.#gone[slot] === 1) return 0;
    this.#live[slot]! -= 1;
    this.#count -= 1;
    return location;
  }

  /** Whatever is in the slot's segment is known no more. Its entries go later, by `sweep`. */
  forgetSlot(slot: number): void {
    this.#count -= this.#live[slot]!;
    this.#live[slot] = 0;
    this.#gone[slot] = 1;
    this.#shardsToSweep = shardCount;
  }

  get isSweeping(): boolean {
    return this.#shardsToSweep > 0;
  }

  isGone(slot: number): boolean {
    return this.#gone[slot] === 1;
  }

  /** Takes entries of slots that are gone out of so many shards. */
  sweep(shardsMax: number): void {
    for (let swept = 0; swept < shardsMax && this.#shardsToSweep > 0; swept += 1) {
      this.#shardsToSweep -= 1;
      this.#retain(this.#shardsToSweep, (location) => this.#gone[slotOf(location)] === 0);
    }
    if (this.#shardsToSweep === 0) this.#gone.fill(0);
  }

  #retain(shard: number, keep: (location: number) => boolean): void {
    const table = this.#tables[shard]!;
    const capacity = this.#capacities[shard]!;
    let used = 0;
    let free = 0;
    for (let from = 0; from < table.length; from += 2) {
      const location = table[from + 1]!;
      if (location === 0) continue;
      const tag = table[from]!;
      table[from] = 0;
      table[from + 1] = 0;
      if (!keep(location)) continue;
      const to = Math.max(free, homeOf(tag, capacity));
      table[to] = tag;
      table[to + 1] = location;
      free = to + 2;
      used += 1;
    }
    this.#used[shard] = used;
  }

  #grow(shard: number): void {
    const old = this.#tables[shard]!;
    let capacity = this.#capacities[shard]!;
    for (;;) {
      capacity = Math.max(capacityMin, Math.ceil(capacity * growth));
      const table = new Uint32Array(lengthOf(capacity));
      if (!copyInOrder(old, table, capacity)) continue;
      this.#tables[shard] = table;
      this.#capacities[shard] = capacity;
      return;
    }
  }

  clear(): void {
    this.#tables.fill(none);
    for (const counts of [this.#capacities, this.#used, this.#live, this.#gone]) counts.fill(0);
    this.#shardsToSweep = 0;
    this.#count = 0;
  }

  /** A shard as it is, for a snapshot: to be copied before anything changes. */
  shard(shard: number): { readonly capacity: number; readonly table: Uint32Array } {
    return { capacity: this.#capacities[shard]!, table: this.#tables[shard]! };
  }

  /**
   * Takes a shard of a snapshot, which nobody else may hold, but for the entries that are not to be kept.
   * @returns whether it was one.
   */
  load(shard: number, capacity: number, table: Uint32Array, keep: (location: number) => boolean): boolean {
    if (capacity > 0 && table.length !== lengthOf(capacity)) return false;
    this.#capacities[shard] = capacity;
    this.#tables[shard] = capacity === 0 ? none : table;
    this.#retain(shard, (location) => {
      if (!keep(location)) return false;
      this.#live[slotOf(location)]! += 1;
      this.#count += 1;
      return true;
    });
    return true;
  }
}

/** Behind the last home there is room for what had to move up. */
export function lengthOf(capacity: number): number {
  return (capacity + Math.max(capacityMin, capacity >>> 5)) * 2;
}

function homeOf(tag: number, capacity: number): number {
  return Math.floor((tag * capacity) / wordSpan) * 2;
}

/** Where the tag is, or else would be put: in front of the first larger one, or on a free place. */
function placeOf(table: Uint32Array, capacity: number, tag: number): number {
  let at = homeOf(tag, capacity);
  while (at < table.length && table[at + 1] !== 0 && table[at]! < tag) at += 2;
  return at;
}

/** @returns false where the table's end is full. */
function insert(table: Uint32Array, at: number, tag: number, location: number): boolean {
  let free = at;
  while (free < table.length && table[free + 1] !== 0) free += 2;
  if (free >= table.length) return false;
  table.copyWithin(at + 2, at, free);
  table[at] = tag;
  table[at + 1] = location;
  return true;
}

/** @returns false where the new table's end is too short. */
function copyInOrder(old: Uint32Array, table: Uint32Array, capacity: number): boolean {
  let free = 0;
  for (let from = 0; from < old.length; from += 2) {
    const location = old[from + 1]!;
    if (location === 0) continue;
    const tag = old[from]!;
    const to = Math.max(free, homeOf(tag, capacity));
    if (to >= table.length) return false;
    table[to] = tag;
    table[to + 1] = location;
    free = to + 2;
  }
  return true;
}
