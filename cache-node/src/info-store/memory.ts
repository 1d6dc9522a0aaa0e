/**
 * Level one of the info store: the latest used records, bounded by their number. A record is found by
 * placement key and slot (mount and version); all records of an object are dropped together.
 */
import { LRUCache } from 'lru-cache';
import type { InfoRecord } from './record.ts';

interface Remembered {
  readonly placementKey: string;
  readonly slot: string;
  readonly record: InfoRecord;
}

export class MemoryInfo {
  readonly #records: LRUCache<string, Remembered>;
  /** By placement key: the slots that have a record. */
  readonly #slots = new Map<string, Set<string>>();

  constructor(entriesMax: number) {
    this.#records = new LRUCache({
      max: entriesMax,
      noDisposeOnSet: true,
      dispose: ({ placementKey, slot }) => this.#forgetSlot(placementKey, slot),
    });
  }

  get count(): number {
    return this.#records.size;
  }

  get(placementKey: string, slot: string): InfoRecord | undefined {
    return this.#records.get(keyOf(placementKey, slot))?.record;
  }

  /** Without a word to who decides what leaves next. */
  peek(placementKey: string, slot: string): InfoRecord | undefined {
    return this.#records.peek(keyOf(placementKey, slot))?.record;
  }

  set(placementKey: string, slot: string, record: InfoRecord): void {
    const slots = this.#slots.get(placementKey);
    if (slots) slots.add(slot);
    else this.#slots.set(placementKey, new Set([slot]));
    this.#records.set(keyOf(placementKey, slot), { placementKey, slot, record });
  }

  /** Every record of the object: in all mounts and versions. */
  delete(placementKey: string): void {
    for (const slot of [...(this.#slots.get(placementKey) ?? [])]) {
      this.#records.delete(keyOf(placementKey, slot));
    }
  }

  /** Placement keys that begin so. */
  keysFrom(prefix: string): string[] {
    return [...this.#slots.keys()].filter((key) => key.startsWith(prefix));
  }

  clear(): void {
    this.#records.clear();
  }

  #forgetSlot(placementKey: string, slot: string): void {
    const slots = this.#slots.get(placementKey);
    if (!slots?.delete(slot)) return;
    if (slots.size === 0) this.#slots.delete(placementKey);
  }
}

/** A slot has no NUL (`infoSlotOf`), so the first one ends it. */
function keyOf(placementKey: string, slot: string): string {
  return `${slot}\0${placementKey}`;
}
