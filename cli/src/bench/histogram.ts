/**
 * A histogram of durations with a bounded relative error and constant memory, as HDR histograms are: small
 * values have a bucket each, larger ones share buckets whose width grows with the value. Histograms of
 * several processes add up, and percentiles of the sum are as exact as those of each: percentiles themselves
 * cannot be added.
 */

/** Buckets per power of two. */
const precisionBits = 7;
const exactBelow = 2 ** (precisionBits + 1);
const valueMax = 2 ** 31 - 1;
const bucketCount = bucketOf(valueMax) + 1;

/** What a percentile says lies at most this share above the value that was recorded, and never below it. */
export const relativeErrorMax = 2 ** -precisionBits;

/** Pairs of bucket and count, of the buckets that are not empty; and the exact extremes. */
export interface HistogramJson {
  readonly buckets: readonly (readonly [bucket: number, count: number])[];
  readonly min: number;
  readonly max: number;
  readonly sum: number;
}

export class Histogram {
  readonly #counts = new Float64Array(bucketCount);
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  static from(json: HistogramJson): Histogram {
    const histogram = new Histogram();
    histogram.add(json);
    return histogram;
  }

  /** @param value not negative, in microseconds by convention; fractions are dropped. */
  record(value: number): void {
    const whole = value >= valueMax ? valueMax : Math.trunc(value);
    this.#counts[bucketOf(whole)]! += 1;
    this.#count += 1;
    this.#sum += whole;
    if (whole < this.#min) this.#min = whole;
    if (whole > this.#max) this.#max = whole;
  }

  get count(): number {
    return this.#count;
  }

  /** 0 where nothing was recorded, as with the other figures. */
  get max(): number {
    return this.#max;
  }

  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** The value that `share` of the recorded ones do not exceed: 0.99 for the 99th percentile. */
  quantile(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      seen += this.#counts[bucket]!;
      if (seen >= wanted) return Math.min(highestIn(bucket), this.#max);
    }
    return 0;
  }

  /** Adds what another process recorded. */
  add({ buckets, min, max, sum }: HistogramJson): void {
    for (const [bucket, count] of buckets) {
      this.#counts[bucket]! += count;
      this.#count += count;
    }
    this.#sum += sum;
    if (buckets.length > 0) this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
  }

  toJSON(): HistogramJson {
    const buckets: [number, number][] = [];
    this.#counts.forEach((count, bucket) => {
      if (count > 0) buckets.push([bucket, count]);
    });
    return { buckets, min: this.min, max: this.#max, sum: this.#sum };
  }
}

function bucketOf(value: number): number {
  if (value < exactBelow) return value;
  const shift = 31 - Math.clz32(value) - precisionBits;
  return shift * 2 ** precisionBits + (value >>> shift);
}

function highestIn(bucket: number): number {
  if (bucket < exactBelow) return bucket;
  const shift = Math.floor(bucket / 2 ** precisionBits) - 1;
  const lowest = (bucket - shift * 2 ** precisionBits) * 2 ** shift;
  return lowest + 2 ** shift - 1;
}
