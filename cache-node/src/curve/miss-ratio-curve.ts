/**
 * What a cache of any size would have answered, as an LRU cache would, from a sample of page reads in bounded
 * memory (SHARDS with a fixed number of pages): the pages with the smallest hashes are followed, and when
 * there are too many, the one with the largest leaves and the threshold with it.
 */
import type { CurvePoint } from '@forebay/core/curve';
import { ByteStack } from './byte-stack.ts';
import { LargestFirst } from './largest-first.ts';
import { everyPage, type SampledReads } from './read-sample.ts';

const pagesMax = 16_384;
/** Steps of the histogram: eight for each doubling, from a byte to an exbibyte. */
const stepsPerDoubling = 8;
const steps = 60 * stepsPerDoubling;

export class MissRatioCurve {
  readonly #stack = new ByteStack(pagesMax + 1);
  readonly #followed = new LargestFirst();
  /** Page reads, and their bytes, by how large a cache answers them; estimates for all reads. */
  readonly #reads = new Float64Array(steps);
  readonly #bytes = new Float64Array(steps);
  /** Of all of them, those included that no cache can answer: first reads. */
  #estimatedReads = 0;
  #estimatedBytes = 0;
  #allReads = 0;
  #allBytes = 0;
  #threshold = everyPage;

  /** Pages with larger hashes are of no use any more. */
  get threshold(): number {
    return this.#threshold;
  }

  /** Page reads that the curve is made of. */
  get reads(): number {
    return Math.round(this.#allReads);
  }

  add({ threshold, hashes, lengths, reads, readBytes }: SampledReads): void {
    this.#lowerTo(threshold);
    this.#allReads += reads;
    this.#allBytes += readBytes;
    for (const [at, hash] of hashes.entries()) if (hash < this.#threshold) this.#read(hash, lengths[at]!);
  }

  /** What was, matters half as much from now on. */
  halve(): void {
    for (let step = 0; step < steps; step += 1) {
      this.#reads[step]! /= 2;
      this.#bytes[step]! /= 2;
    }
    this.#estimatedReads /= 2;
    this.#estimatedBytes /= 2;
    this.#allReads /= 2;
    this.#allBytes /= 2;
  }

  /** Hit ratios of caches of these sizes, 0 to 1. */
  at(cacheSizesBytes: readonly number[]): CurvePoint[] {
    // What the sample has too few or too many of are mostly reads of few, very hot pages (SHARDS-adj).
    const [reads, bytes] = [this.#reads.slice(), this.#bytes.slice()];
    reads[0]! += this.#allReads - this.#estimatedReads;
    bytes[0]! += this.#allBytes - this.#estimatedBytes;
    return cacheSizesBytes.map((cacheBytes) => ({
      cacheBytes,
      hitRatio: shareUpTo(reads, cacheBytes, this.#allReads),
      byteHitRatio: shareUpTo(bytes, cacheBytes, this.#allBytes),
    }));
  }

  #read(hash: number, lengthBytes: number): void {
    const rate = this.#threshold / everyPage;
    const weight = 1 / rate;
    this.#estimatedReads += weight;
    this.#estimatedBytes += weight * lengthBytes;
    const distanceBytes = this.#stack.use(hash, lengthBytes);
    if (distanceBytes !== undefined) {
      const step = stepOf(distanceBytes / rate);
      this.#reads[step]! += weight;
      this.#bytes[step]! += weight * lengthBytes;
      return;
    }
    this.#followed.add(hash);
    if (this.#stack.size > pagesMax) this.#lowerTo(this.#followed.largest!);
  }

  #lowerTo(threshold: number): void {
    if (threshold >= this.#threshold) return;
    this.#threshold = threshold;
    while ((this.#followed.largest ?? -1) >= threshold) this.#stack.remove(this.#followed.take()!);
  }
}

function stepOf(bytes: number): number {
  return Math.min(steps - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) * stepsPerDoubling)));
}

/** Within a step of the histogram, as if reads lay evenly in it. */
function shareUpTo(histogram: Float64Array, cacheBytes: number, all: number): number {
  if (all <= 0 || cacheBytes < 1) return 0;
  const position = Math.log2(cacheBytes) * stepsPerDoubling;
  const whole = Math.min(steps, Math.floor(position));
  let sum = 0;
  for (let step = 0; step < whole; step += 1) sum += histogram[step]!;
  if (whole < steps) sum += histogram[whole]! * (position - whole);
  return Math.min(1, Math.max(0, sum / all));
}
