/** The sources of what the admin API shows of one process and its workers. */
import type { Clock } from '@forebay/core/clock';
import type { MetricsReading } from '@forebay/core/metrics';
import type { Registry } from '@forebay/core/registry';
import type { Browser } from '@forebay/registry/admin/insight/browse';
import type { Insight } from '@forebay/registry/admin/insight/insight';
import { readMountUsage } from '@forebay/registry/admin/insight/mount-usage';
import { Series } from '@forebay/registry/admin/series/series';
import { type BrowseSources, openBrowser } from './browse.ts';
import type { Undoing } from './undoing.ts';

export interface FigureSources {
  readonly read: () => Promise<MetricsReading>;
  readonly registry: Pick<Registry, 'view'>;
  readonly clock: Clock;
  readonly undoing: Undoing;
}

export function openInsight(sources: BrowseSources & FigureSources): Insight {
  return { ...openBrowser(sources), ...openFigures(sources) };
}

/** What one process counts. */
export function openFigures({ read, registry, clock, undoing }: FigureSources): Omit<Insight, keyof Browser> {
  const series = new Series({ read, wallMs: () => clock.wallMs() });
  series.start();
  undoing.add(() => series.stop());
  const paths = () => registry.view().mounts.mounts.map(({ path }) => path);
  return {
    series: (span) => series.view(span),
    mountUsage: async () => readMountUsage(await read(), paths()),
  };
}
