/** What an operator is shown beside the plain counters. Whoever builds the process brings the sources. */

import type { CurveView } from '@forebay/core/curve';
import type { SeriesSpan, SeriesView } from '../series/series.ts';
import type { Alert } from './alerts.ts';
import type { Browser } from './browse.ts';
import type { MountUsage } from './mount-usage.ts';
import type { Traffic } from './traffic.ts';

export interface Insight extends Browser, Traffic {
  /** Ids of nodes and gateways that do not answer now: what they would tell is not in any figure. */
  unanswered(): readonly string[];
  series(span: SeriesSpan): SeriesView;
  /** What needs somebody now. */
  alerts(): Promise<readonly Alert[]>;
  /** What caches of other sizes would have answered. */
  curve(): Promise<CurveView>;
  mountUsage(): Promise<readonly MountUsage[]>;
}
