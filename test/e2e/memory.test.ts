/** Memory under many readers: what is bounded is what nobody else could give back to the system. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { MiB } from '@forebay/core/bytes';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { faultsOfAll, storeAll, type TestObject, testObjects } from '../faults/objects.ts';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { untilQuiet } from '../support/metrics.ts';
import { needs } from '../support/tools.ts';

const readers = 100;
const memoryBytes = 16 * MiB;
const fillBytes = 32 * MiB;
const queueBytes = 16 * MiB;
/** Beside these bounds: what a reader's connection and its piece take, and the heap with its garbage. */
const bytesPerReader = 512 * 1024;
const heapBytes = 128 * MiB;
const growthBytesMax = memoryBytes + fillBytes + queueBytes + readers * bytesPerReader + heapBytes;

/** Anonymous memory: no file stands behind it. Page caches are not in it. */
function anonymousBytesOf(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

describe('many readers', await needs('versitygw'), () => {
  let lake: CachedBucket;
  let watching = false;
  let watched: Promise<number>;
  let idleBytes: number;

  beforeAll(async () => {
    const flags = [
      ...['--memory-size', String(memoryBytes), '--fills-in-flight-size-max', String(fillBytes)],
      ...['--disk-write-queue-size-max', String(queueBytes), '--cache-size', '512MiB'],
    ];
    lake = await startCachedBucket({ flags });
    // What the first requests make the process load is no growth.
    const first = await stored([{ count: 20, sizeBytes: MiB }]);
    expect(await faultsOfAll(lake.client, first)).toEqual([]);
    await untilQuiet(lake.forebay);
  });
  beforeEach(() => {
    idleBytes = anonymousBytesOf(lake.forebay.pid);
    watching = true;
    watched = peak();
  });
  afterAll(() => lake?.stop());

  async function peak(): Promise<number> {
    let most = 0;
    while (watching) {
      most = Math.max(most, anonymousBytesOf(lake.forebay.pid));
      await wait(10);
    }
    return most;
  }

  async function expectBounded(): Promise<void> {
    watching = false;
    const growth = (await watched) - idleBytes;
    expect(growth, `grew by ${Math.round(growth / MiB)} MiB`).toBeLessThan(growthBytesMax);
  }

  async function stored(kinds: readonly { count: number; sizeBytes: number }[]): Promise<TestObject[]> {
    const objects = testObjects(`lake/${kinds[0]!.count}`, kinds);
    await storeAll(lake.server, objects);
    return objects;
  }

  it('that are slow hold little of the large objects that they read', async () => {
    const objects = await stored([{ count: 10, sizeBytes: 24 * MiB }]);
    const messages = await Promise.all(
      Array.from({ length: readers }, (_, at) => lake.client.start({ path: objects[at % 10]!.path })),
    );
    // All of them stop after what their connection takes; then they go on, a little at a time.
    for (let turn = 0; turn < 10; turn += 1) {
      for (const message of messages) message.read(64 * 1024);
      await wait(50);
    }
    await Promise.all(messages.map((message) => left(message)));
    await untilQuiet(lake.forebay);
    await expectBounded();
  });

  it('that come together for one cold object hold it once at most', async () => {
    const [object] = await stored([{ count: 1, sizeBytes: 20 * MiB }]);
    const reads = await Promise.all(
      Array.from({ length: readers }, async () => {
        let sizeBytes = 0;
        const message = await lake.client.start({ path: object!.path });
        for await (const bytes of message as AsyncIterable<Buffer>) sizeBytes += bytes.length;
        return sizeBytes;
      }),
    );
    expect(new Set(reads)).toEqual(new Set([20 * MiB]));
    await expectBounded();
  });
});

async function left(message: IncomingMessage): Promise<void> {
  message.destroy();
  if (!message.closed) await once(message, 'close');
}
