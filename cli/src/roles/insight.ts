/** The sources of what the admin API shows of one process and its workers. */
import type { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import type { Clock } from '@forebay/core/clock';
import type { MetricsReading } from '@forebay/core/metrics';
import type { Mount } from '@forebay/core/mount';
import type { Registry } from '@forebay/core/registry';
import { mergedTraffic } from '@forebay/core/traffic';
import { readAlerts, type WatchedMembers } from '@forebay/registry/admin/insight/alerts';
import type { Insight } from '@forebay/registry/admin/insight/insight';
import { readMountUsage } from '@forebay/registry/admin/insight/mount-usage';
import type { Traffic } from '@forebay/registry/admin/insight/traffic';
import { Series } from '@forebay/registry/admin/series/series';
import type { Ufs } from '@forebay/ufs/ufs';
import { openBrowser } from './browse.ts';
import { openHeld, openLevels } from './browse-answers.ts';
import { CurveKeeper } from './curve-keeper.ts';
import type { Front } from './front.ts';
import type { Undoing } from './undoing.ts';

export interface FigureSources {
  readonly read: () => Promise<MetricsReading>;
  readonly sources?: () => number;
  /** Of a cluster. */
  readonly members?: () => WatchedMembers;
  readonly registry: Pick<Registry, 'view'>;
  readonly clock: Clock;
  readonly undoing: Undoing;
}

interface CurveSources {
  readonly front: Pick<Front, 'read' | 'report'>;
  readonly clock: Clock;
  readonly undoing: Undoing;
}

export interface InsightSources extends CurveSources {
  readonly registry: Registry;
  readonly cacheNode: LocalCacheNode;
  readonly ufsOf: (mount: Mount) => Promise<Ufs>;
}

export function openInsight(sources: InsightSources): Insight {
  const { front } = sources;
  const cacheBytes = async () => {
    const { diskBytesMax, memoryBytesMax } = await sources.cacheNode.stats();
    return Math.max(diskBytesMax, memoryBytesMax);
  };
  const figures = openFigures({ ...sources, read: () => front.read() });
  const { registry, cacheNode } = sources;
  const browser = openBrowser({
    ...{ registry, cacheNode },
    answers: { ...openLevels(sources), ...openHeld({ registry, cacheNode }) },
  });
  const unanswered = () => [];
  return { unanswered, ...browser, ...figures, ...trafficOf(front), curve: curveOf(sources, cacheBytes) };
}

export function curveOf(
  { front, clock, undoing }: CurveSources,
  cacheBytes: () => Promise<number> | number,
): Insight['curve'] {
  const curve = new CurveKeeper({ front, clock });
  curve.start();
  undoing.add(() => curve.stop());
  return async () => curve.view(await cacheBytes());
}

/** What one process counts. */
export function openFigures({ read, sources, members, registry, clock, undoing }: FigureSources) {
  const series = new Series({ read, wallMs: () => clock.wallMs(), ...(sources && { sources }) });
  series.start();
  undoing.add(() => series.stop());
  const paths = () => registry.view().mounts.mounts.map(({ path }) => path);
  const figures: Pick<Insight, 'series' | 'mountUsage' | 'alerts'> = {
    series: (span) => series.view(span),
    alerts: async () => readAlerts(await read(), series.view('hour'), members?.()),
    mountUsage: async () => readMountUsage(await read(), paths()),
  };
  return figures;
}

const namesMax = 100;

export function trafficOf(front: Pick<Front, 'report'>): Traffic {
  return {
    traffic: async () => {
      const reports = await front.report({ kind: 'traffic' });
      return mergedTraffic(
        reports.flatMap(({ traffic }) => traffic ?? []),
        namesMax,
      );
    },
    logs: async (after) => {
      const reports = await front.report({ kind: 'logs', after });
      return reports.map(({ member, pid, lines = [] }) => ({ member, pid, lines }));
    },
  };
}
