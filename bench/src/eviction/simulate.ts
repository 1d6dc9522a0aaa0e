/**
 * A cache of so many bytes under a policy: what share of a trace's requests, and of its bytes, it answers.
 */
import type { Policy } from './policies.ts';
import type { Trace } from './traces.ts';

export interface HitRatio {
  readonly requests: number;
  readonly bytes: number;
}

/** `counts` says which requests are counted; all by default. */
export function simulate(
  trace: Trace,
  policy: Policy,
  cacheBytes: number,
  counts: (request: number) => boolean = () => true,
): HitRatio {
  const rows = new Int32Array(trace.keyCount).fill(-1);
  let [cached, requests, hits, bytes, hitBytes] = [0, 0, 0, 0, 0];
  for (const [request, key] of trace.keys.entries()) {
    const sizeBytes = trace.sizes[key]!;
    const row = rows[key]!;
    if (counts(request)) {
      requests += 1;
      bytes += sizeBytes;
      hits += row === -1 ? 0 : 1;
      hitBytes += row === -1 ? 0 : sizeBytes;
    }
    if (row !== -1) {
      policy.touch(row);
      continue;
    }
    if (sizeBytes > cacheBytes) continue;
    while (cached + sizeBytes > cacheBytes) {
      const gone = policy.evict();
      rows[gone] = -1;
      cached -= trace.sizes[gone]!;
    }
    rows[key] = policy.insert(key);
    cached += sizeBytes;
  }
  return { requests: hits / requests, bytes: hitBytes / bytes };
}
