/** Which operation comes next, and on which object: the same in every run with the same seed. */
import type { BenchPlan } from './bench-plan.ts';
import { seededRandom } from './random.ts';

export interface Operation {
  readonly kind: 'read' | 'write' | 'list';
  /** Number of one of its own objects. */
  readonly object: number;
  /** Half-open, in bytes. */
  readonly range?: { readonly start: number; readonly endExclusive: number };
}

type PickPlan = Pick<
  BenchPlan,
  'workload' | 'objects' | 'sizeBytes' | 'rangeBytes' | 'readRatio' | 'zipf' | 'seed'
>;

const precision = 2 ** 30;

export class Picker {
  readonly #plan: PickPlan;
  readonly #random: (bound: number) => number;
  /** Ascending: the share of requests for this object and those before it. Empty where all are alike. */
  readonly #popularity: Float64Array;

  /** @param stream tells processes apart: each has a sequence of its own */
  constructor(plan: PickPlan, stream = 0) {
    this.#plan = plan;
    this.#random = seededRandom(plan.seed * 7919 + stream);
    this.#popularity = popularity(plan.objects, plan.zipf);
  }

  next(): Operation {
    const { workload, sizeBytes, rangeBytes, readRatio } = this.#plan;
    const object = this.#object();
    if (workload === 'list') return { kind: 'list', object };
    if (workload === 'write') return { kind: 'write', object };
    if (workload === 'mixed') return { kind: this.#share() < readRatio ? 'read' : 'write', object };
    if (workload !== 'ranges') return { kind: 'read', object };
    const start = this.#random(sizeBytes - rangeBytes + 1);
    return { kind: 'read', object, range: { start, endExclusive: start + rangeBytes } };
  }

  #share(): number {
    return this.#random(precision) / precision;
  }

  #object(): number {
    if (this.#popularity.length === 0) return this.#random(this.#plan.objects);
    const wanted = this.#share();
    let [low, high] = [0, this.#popularity.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#popularity[middle]! > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Object k (from 0) is asked for in proportion to 1 / (k + 1) to the power of the exponent. */
function popularity(objects: number, exponent: number): Float64Array {
  if (exponent === 0) return new Float64Array(0);
  const sums = new Float64Array(objects);
  let sum = 0;
  for (let object = 0; object < objects; object += 1) {
    sum += (object + 1) ** -exponent;
    sums[object] = sum;
  }
  return sums.map((value) => value / sum);
}
