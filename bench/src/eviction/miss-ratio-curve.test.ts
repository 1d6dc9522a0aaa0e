/** The sampled curve of the product against the true one of whole traces. */
import { expect, it } from 'vitest';
import { MissRatioCurve } from '../../../cache-node/src/curve/miss-ratio-curve.ts';
import { ReadSample } from '../../../cache-node/src/curve/read-sample.ts';
import { madeTraces, scanTrace } from './made-traces.ts';
import { policies } from './policies.ts';
import { simulate } from './simulate.ts';
import type { Trace } from './traces.ts';

const shares = [0.01, 0.1, 0.3, 0.6, 1.1];
const readsPerTake = 20_000;

/** As the names of page sets: digits of a hash. */
function setOf(key: number): string {
  let hash = Math.imul(key + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0).toString(16).padStart(8, '0');
}

function sampledCurve({ keys, sizes }: Trace): MissRatioCurve {
  const sample = new ReadSample();
  const curve = new MissRatioCurve();
  for (const [request, key] of keys.entries()) {
    const sizeBytes = sizes[key]!;
    sample.note(setOf(key), { start: 0, endExclusive: sizeBytes }, { sizeBytes, pageSizeBytes: sizeBytes });
    if (request % readsPerTake === 0) curve.add(sample.take(curve.threshold));
  }
  curve.add(sample.take(curve.threshold));
  return curve;
}

function errorOf(trace: Trace): { reads: number; bytes: number } {
  const allBytes = trace.sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  const cacheSizes = shares.map((share) => Math.round(allBytes * share));
  const points = sampledCurve(trace).at(cacheSizes);
  const errors = points.map(({ cacheBytes, hitRatio, byteHitRatio }) => {
    const truth = simulate(trace, policies.LRU!(), cacheBytes);
    return { reads: Math.abs(hitRatio - truth.requests), bytes: Math.abs(byteHitRatio - truth.bytes) };
  });
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return { reads: mean(errors.map(({ reads }) => reads)), bytes: mean(errors.map(({ bytes }) => bytes)) };
}

const names = [
  'Zipf 0.8, a fifth one-hit wonders',
  'YCSB, reads and scans',
  'objects of many sizes, Zipf 0.9',
];
const traces = [...madeTraces()].filter(({ name }) => names.includes(name)).concat(scanTrace(5000, 2));

it.each(traces.map((trace) => [trace.name, trace] as const))(
  'is within 0.03 of the true curve, on average over sizes: %s',
  (_name, trace) => {
    const { reads, bytes } = errorOf(trace);
    expect(reads).toBeLessThan(0.03);
    expect(bytes).toBeLessThan(0.03);
  },
);
