/** What an operator is shown beside the plain counters. Whoever builds the process brings the sources. */

import type { SeriesSpan, SeriesView } from '../series/series.ts';
import type { Browser } from './browse.ts';
import type { MountUsage } from './mount-usage.ts';
import type { Traffic } from './traffic.ts';

export interface Insight extends Browser, Traffic {
  series(span: SeriesSpan): SeriesView;
  mountUsage(): Promise<readonly MountUsage[]>;
}
