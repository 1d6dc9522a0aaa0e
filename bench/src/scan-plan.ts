/** The reads of a scan with a hot set beside it, and what a plain LRU would have made of them. */
import { MiB } from '@forebay/core/bytes';
import { seededRandom } from 'forebay/bench/random';
import type { LoadRead } from './load-client.ts';
import { type ObjectSet, readOf } from './objects.ts';

/** Hot objects are one page each. */
const hotBytes = MiB;

export interface ScanShape {
  readonly mountName: string;
  /** Hot objects, 1 MiB each. */
  readonly hotCount: number;
  readonly scanned: ObjectSet;
  /** What one request of the scan reads; without it a whole object. A divisor of 1 MiB. */
  readonly stepBytes: number | undefined;
  /** One hot read for each so many MiB scanned. */
  readonly mibPerHotRead: number;
}

export interface Step {
  readonly read: LoadRead;
  readonly hot: boolean;
}

/** Hot objects in random order, `count` reads. */
export function hotReads({ mountName, hotCount }: ScanShape, count: number, seed: number): LoadRead[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => readOf(mountName, hotBytes, random(hotCount)));
}

/** Every hot object once. */
export function everyHot({ mountName, hotCount }: ScanShape): LoadRead[] {
  return Array.from({ length: hotCount }, (_, object) => readOf(mountName, hotBytes, object));
}

/** The scan from its first byte to its last, with hot reads between. */
export function scanSteps(shape: ScanShape): Step[] {
  const { mountName, scanned, stepBytes = scanned.sizeBytes, mibPerHotRead } = shape;
  const hotCount = (scanned.count * scanned.sizeBytes) / MiB / mibPerHotRead;
  const hot = hotReads(shape, Math.ceil(hotCount), 7);
  const steps: Step[] = [];
  let scannedBytes = 0;
  let hotDone = 0;
  for (let object = 0; object < scanned.count; object += 1) {
    for (let start = 0; start < scanned.sizeBytes; start += stepBytes) {
      const endExclusive = Math.min(start + stepBytes, scanned.sizeBytes);
      const whole = endExclusive - start === scanned.sizeBytes;
      const range = whole ? undefined : { start, endExclusive };
      steps.push({ read: readOf(mountName, scanned.sizeBytes, object, range), hot: false });
      scannedBytes += endExclusive - start;
      for (; (hotDone + 1) * mibPerHotRead * MiB <= scannedBytes; hotDone += 1) {
        steps.push({ read: hot[hotDone]!, hot: true });
      }
    }
  }
  return steps;
}

/** The share of hot reads that an LRU of whole pages would have answered, `first` being read before. */
export function lruHitShare(first: readonly LoadRead[], steps: readonly Step[], cacheBytes: number): number {
  const pages = new Map<string, true>();
  const capacity = Math.floor(cacheBytes / MiB);
  let hits = 0;
  let hotCount = 0;
  for (const { read, hot } of [...first.map((read) => ({ read, hot: undefined })), ...steps]) {
    const { missed } = touch(pages, read, capacity);
    if (hot) {
      hotCount += 1;
      if (!missed) hits += 1;
    }
  }
  return hits / hotCount;
}

function touch(pages: Map<string, true>, { path, range, sizeBytes }: LoadRead, capacity: number) {
  const { start, endExclusive } = range ?? { start: 0, endExclusive: sizeBytes };
  let missed = false;
  for (let index = Math.floor(start / MiB); index * MiB < endExclusive; index += 1) {
    const name = `${index} ${path}`;
    if (!pages.delete(name)) missed = true;
    pages.set(name, true);
    if (pages.size > capacity) pages.delete(pages.keys().next().value!);
  }
  return { missed };
}
