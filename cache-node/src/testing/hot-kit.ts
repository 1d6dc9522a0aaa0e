/** Workers of a home in one process: they share its cells, and reach it by plain calls. */
import { Cells, cellsBytes } from '@forebay/core/changes';
import type { Clock } from '@forebay/core/clock';
import { Metrics } from '@forebay/core/metrics';
import { HotCacheNode } from '../hot/hot-cache-node.ts';
import { HotObjects } from '../hot/hot-objects.ts';
import type { HotUses } from '../hot/hot-uses.ts';
import type { LocalCacheNode } from '../local-cache-node.ts';
import { declareCacheNodeMetrics } from '../metrics.ts';

export function newCells(): Cells {
  return new Cells(new SharedArrayBuffer(cellsBytes));
}

export interface TestWorker {
  readonly node: HotCacheNode;
  readonly hot: HotObjects;
  readonly metrics: Metrics;
  /** Opens that went to the home. */
  homeOpens: number;
  /** Resolves when what was asked has been learnt. */
  learnt(): Promise<void>;
  readonly uses: HotUses[];
}

export interface TestWorkerOptions {
  readonly home: LocalCacheNode;
  readonly cells: Cells;
  readonly clock: Clock;
  /** Awaited before the home hears a question, and before its answer is heard. */
  readonly hold?: (() => Promise<void>) | undefined;
  readonly memoryBytesMax?: number;
}

export function testWorker({ home, cells, clock, hold, ...limits }: TestWorkerOptions): TestWorker {
  const metrics = new Metrics();
  const uses: HotUses[] = [];
  const learning = new Set<Promise<unknown>>();
  const hot = new HotObjects({
    ...{ cells, clock, nodeId: home.nodeId, objectsMax: 100, filesMax: 16 },
    memoryBytesMax: limits.memoryBytesMax ?? 1024 * 1024,
  });
  const learn = hot.learn.bind(hot);
  hot.learn = (...told) => {
    const learnt = learn(...told).finally(() => learning.delete(learnt));
    learning.add(learnt);
    return learnt;
  };
  const worker: TestWorker = {
    hot,
    metrics,
    uses,
    homeOpens: 0,
    learnt: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all(learning);
    },
    node: new HotCacheNode({
      home: {
        nodeId: home.nodeId,
        open: async (request) => {
          worker.homeOpens += 1;
          await hold?.();
          return home.open(request);
        },
        beginWrite: home.beginWrite.bind(home),
        endWrite: home.endWrite.bind(home),
        beginBucketWrite: home.beginBucketWrite.bind(home),
        endBucketWrite: home.endBucketWrite.bind(home),
        stat: home.stat.bind(home),
        free: home.free.bind(home),
        stats: home.stats.bind(home),
      },
      hot,
      askFacts: async (question) => {
        await hold?.();
        const facts = home.factsOf(question);
        await hold?.();
        return structuredClone(facts);
      },
      tellUses: (told) => uses.push(told),
      metrics: declareCacheNodeMetrics(metrics),
      clock,
    }),
  };
  return worker;
}
