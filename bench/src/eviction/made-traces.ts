/**
 * Traces made by the generators that papers on caching use, the same every time: Zipf with one-hit wonders,
 * YCSB's mix of reads and scans, epochs over a training set (MLPerf Storage reads every sample once per
 * epoch, in an order of its own), loops, and objects of several pages.
 */
import type { Trace } from './traces.ts';
import { traceOf } from './traces.ts';

type Random = () => number;

/** Mulberry32. */
function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let hash = Math.imul(state ^ (state >>> 15), 1 | state);
    hash = (hash + Math.imul(hash ^ (hash >>> 7), 61 | hash)) ^ hash;
    return ((hash ^ (hash >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ranks from 0 on, the first the likeliest: each as 1 / rank^skew. */
function zipfOf(random: Random, count: number, skew: number): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += 1 / (rank + 1) ** skew;
    sums[rank] = sum;
  }
  return () => {
    const at = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

const requests = 500_000;

function* zipf(skew: number, wonders: number): Generator<[number, number]> {
  const random = randomOf(1);
  const rank = zipfOf(random, 50_000, skew);
  for (let request = 0; request < requests; request += 1) {
    yield [random() < wonders ? 1_000_000 + request : rank(), 1];
  }
}

/** Workload E's scans (up to 100 records) beside workload C's reads, half of all requests each. */
function* ycsb(): Generator<[number, number]> {
  const random = randomOf(2);
  const records = 50_000;
  const rank = zipfOf(random, records, 0.99);
  // Ranks are scattered over the records, as YCSB's scrambled Zipf does.
  const recordOf = (number: number) => (Math.imul(number, 0x9e3779b1) >>> 0) % records;
  for (let request = 0; request < requests; ) {
    const start = recordOf(rank());
    const length = random() < 0.02 ? 1 + Math.floor(random() * 100) : 1;
    for (let at = 0; at < length; at += 1, request += 1) yield [(start + at) % records, 1];
  }
}

function* epochs(): Generator<[number, number]> {
  const random = randomOf(3);
  const samples = Array.from({ length: 50_000 }, (_, sample) => sample);
  for (let epoch = 0; epoch < 8; epoch += 1) {
    for (let at = samples.length - 1; at > 0; at -= 1) {
      const other = Math.floor(random() * (at + 1));
      [samples[at], samples[other]] = [samples[other]!, samples[at]!];
    }
    for (const sample of samples) yield [sample, 1];
  }
}

function* loop(): Generator<[number, number]> {
  for (let request = 0; request < requests; request += 1) yield [request % 50_000, 1];
}

/** Objects of 1 to 64 pages of 1 MiB, popular by Zipf, and small ones of 4 to 128 KiB, each read whole. */
function* objects(): Generator<[number, number]> {
  const random = randomOf(4);
  const rank = zipfOf(random, 20_000, 0.9);
  const pagesMax = 64;
  for (let request = 0; request < requests; ) {
    const object = rank();
    const shape = (Math.imul(object, 0x85ebca6b) >>> 0) / 2 ** 32;
    const isSmall = shape < 0.7;
    const pages = isSmall ? 1 : Math.ceil(pagesMax ** ((shape - 0.7) / 0.3));
    const sizeBytes = isSmall ? Math.ceil(4096 * 2 ** (shape * 7)) : 2 ** 20;
    for (let page = 0; page < pages; page += 1, request += 1) yield [object * pagesMax + page, sizeBytes];
  }
}

export function* madeTraces(): Generator<Trace> {
  yield traceOf('Zipf 0.8, a fifth one-hit wonders', zipf(0.8, 0.2));
  yield traceOf('Zipf 1.0, half one-hit wonders', zipf(1, 0.5));
  yield traceOf('YCSB, reads and scans', ycsb());
  yield traceOf('objects of many sizes, Zipf 0.9', objects());
  yield traceOf('training epochs, shuffled', epochs());
  yield traceOf('a loop', loop());
}

export interface ScanTrace extends Trace {
  /** Whether a request is for the hot set, after it had time to settle. */
  isCounted(request: number): boolean;
}

/**
 * A hot set of 80% of the cache, asked for evenly, and, where `readsPerPage` is not 0, a scan of ten times
 * the cache through it: a page of the scan for each hot request. Each page of it is filled `readAhead`
 * pages before it is read, as read-ahead does.
 */
export function scanTrace(cachePages: number, readsPerPage: number, readAhead = 8): ScanTrace {
  const random = randomOf(5);
  const hot = Math.floor(cachePages * 0.8);
  const keys: number[] = [];
  const askHot = () => keys.push(Math.floor(random() * hot));
  for (let request = 0; request < hot * 10; request += 1) askHot();
  const settled = keys.length;
  for (let page = 0; page < cachePages * 10; page += 1) {
    if (readsPerPage > 0) keys.push(hot + page + readAhead);
    // The first read of a page is the one that fills it.
    for (let read = 1; read < readsPerPage; read += 1) keys.push(hot + page);
    askHot();
  }
  return {
    name: readsPerPage === 0 ? 'no scan' : `scan, ${readsPerPage} reads a page`,
    keys: Int32Array.from(keys),
    keyCount: hot + cachePages * 10 + readAhead,
    sizes: new Float64Array(hot + cachePages * 10 + readAhead).fill(1),
    isCounted: (request) => request >= settled && keys[request]! < hot,
  };
}
