/** An insight of a Forebay that has just begun. */
import { Metrics } from '@forebay/core/metrics';
import type { Insight } from '../admin/insight/insight.ts';
import { Series } from '../admin/series/series.ts';

export function quietInsight(): Insight {
  const series = new Series({ read: async () => new Metrics(), wallMs: () => 0 });
  return {
    unanswered: () => [],
    series: (span) => series.view(span),
    alerts: async () => [],
    curve: async () => ({ reads: 0, cacheBytes: 0, points: [] }),
    mountUsage: async () => [],
    browse: async () => undefined,
    pageMap: async () => undefined,
    traffic: async () => ({ objects: [], prefixes: [], slow: [] }),
    logs: async () => [],
  };
}
