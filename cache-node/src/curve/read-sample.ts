/**
 * A spatial sample of page reads (SHARDS, Waldspurger et al., FAST '15): of the pages whose hash is below a
 * threshold every read is kept, of all others none. So it says of reuse what all reads would, at a fraction
 * of the cost. It is emptied every few seconds; one that gets full lowers its threshold.
 */
import { type PageSetId, pageLengthBytes, pagesOf } from '@forebay/core/page';
import type { ByteRange } from '@forebay/core/range';

/** Hashes are 32 bits: all pages are below this threshold. */
export const everyPage = 2 ** 32;

/** Reads since the last time, in their order. */
export interface SampledReads {
  /** Pages with a hash below this are in, and no others. */
  readonly threshold: number;
  readonly hashes: Uint32Array;
  readonly lengths: Uint32Array;
  /** All page reads, those that are not in the sample as well. */
  readonly reads: number;
  readonly readBytes: number;
}

export interface PagedBy {
  /** Of the object. */
  readonly sizeBytes: number;
  readonly pageSizeBytes: number;
}

const sampleMax = 16_384;
/** Of one read no more pages are looked at: the walk must stay short. */
const pagesPerReadMax = 8_192;

export class ReadSample {
  readonly #hashes = new Uint32Array(sampleMax);
  readonly #lengths = new Uint32Array(sampleMax);
  #count = 0;
  #threshold = everyPage;
  #reads = 0;
  #readBytes = 0;

  /** A client reads these bytes of an object whose pages are this set. */
  note(set: PageSetId, range: ByteRange, { sizeBytes, pageSizeBytes }: PagedBy): void {
    if (range.start >= range.endExclusive) return;
    const ofSet = hashOfSet(set);
    const { first, endExclusive } = pagesOf(range, pageSizeBytes);
    const end = Math.min(endExclusive, first + pagesPerReadMax);
    for (let index = first; index < end; index += 1) {
      const lengthBytes = pageLengthBytes(index, sizeBytes, pageSizeBytes);
      this.#reads += 1;
      this.#readBytes += lengthBytes;
      const hash = mixed(ofSet, index);
      if (hash < this.#threshold) this.#keep(hash, lengthBytes);
    }
  }

  /** What was read since the last time. @param threshold for the time from now on, if it is the lower one */
  take(threshold: number): SampledReads {
    const taken: SampledReads = {
      threshold: this.#threshold,
      hashes: this.#hashes.slice(0, this.#count),
      lengths: this.#lengths.slice(0, this.#count),
      reads: this.#reads,
      readBytes: this.#readBytes,
    };
    this.#threshold = Math.min(this.#threshold, threshold);
    [this.#count, this.#reads, this.#readBytes] = [0, 0, 0];
    return taken;
  }

  #keep(hash: number, lengthBytes: number): void {
    while (this.#count === sampleMax && hash < this.#threshold) this.#thinOut();
    if (hash >= this.#threshold) return;
    this.#hashes[this.#count] = hash;
    this.#lengths[this.#count] = lengthBytes;
    this.#count += 1;
  }

  #thinOut(): void {
    this.#threshold = Math.floor(this.#threshold / 2);
    let kept = 0;
    for (let at = 0; at < this.#count; at += 1) {
      const hash = this.#hashes[at]!;
      if (hash >= this.#threshold) continue;
      this.#hashes[kept] = hash;
      this.#lengths[kept] = this.#lengths[at]!;
      kept += 1;
    }
    this.#count = kept;
  }
}

/** The first eight of its hex digits, which are those of a SHA-256. */
function hashOfSet(set: PageSetId): number {
  let hash = 0;
  for (let at = 0; at < 8; at += 1) {
    const code = set.charCodeAt(at);
    hash = (hash << 4) | (code > 57 ? code - 87 : code - 48);
  }
  return hash;
}

/** Murmur3's last steps over set and index: evenly spread, and the same for a page every time. */
function mixed(ofSet: number, index: number): number {
  let hash = (ofSet ^ Math.imul(index + 1, 0x9e3779b1)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
