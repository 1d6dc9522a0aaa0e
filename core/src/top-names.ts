/**
 * The names that come up most, found in bounded memory (Space-Saving, Metwally et al. 2005): a name that is
 * not kept takes the place of the rarest one, and its count. What is far above the rarest is exact.
 */

export interface TopName {
  readonly name: string;
  /** Never too low by more than what is forgotten with time; may be too high by the rarest kept count. */
  readonly count: number;
  /** Seen since the name is kept. */
  readonly bytes: number;
}

interface Entry {
  count: number;
  bytes: number;
}

export class TopNames {
  readonly #namesMax: number;
  readonly #entries = new Map<string, Entry>();

  constructor(namesMax: number) {
    this.#namesMax = namesMax;
  }

  add(name: string, count: number, bytes: number): void {
    const known = this.#entries.get(name);
    if (known) {
      known.count += count;
      known.bytes += bytes;
      return;
    }
    const inherited = this.#entries.size < this.#namesMax ? 0 : this.#dropRarest();
    this.#entries.set(name, { count: inherited + count, bytes });
  }

  /** All counts become half as much: what was, matters less than what is. */
  halve(): void {
    for (const [name, entry] of this.#entries) {
      entry.count /= 2;
      entry.bytes /= 2;
      if (entry.count < 0.5) this.#entries.delete(name);
    }
  }

  /** The most frequent first. */
  top(namesMax: number): TopName[] {
    return [...this.#entries]
      .map(([name, { count, bytes }]) => ({ name, count: Math.round(count), bytes: Math.round(bytes) }))
      .sort((a, b) => b.count - a.count)
      .slice(0, namesMax);
  }

  #dropRarest(): number {
    let rarest = '';
    let least = Number.POSITIVE_INFINITY;
    for (const [name, { count }] of this.#entries) {
      if (count >= least) continue;
      [rarest, least] = [name, count];
    }
    this.#entries.delete(rarest);
    return least;
  }
}
