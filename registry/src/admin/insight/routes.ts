/**
 * Charts and figures in the admin API. In a cluster they are gathered from its members; an answer names those
 * that it lacks.
 */
import type { Hono } from 'hono';
import { AdminError } from '../admin-error.ts';
import { seriesSpans } from '../series/series.ts';
import { browseRoutes } from './browse.ts';
import type { Insight } from './insight.ts';
import { trafficRoutes } from './traffic.ts';

export function insightRoutes(app: Hono, insight: Insight): void {
  app.get('/api/v1/series', (c) => {
    const wanted = c.req.query('span') ?? 'hour';
    const span = seriesSpans.find((one) => one === wanted);
    if (!span) throw new AdminError('BadRequest', `the span is one of ${seriesSpans.join(', ')}`);
    return c.json(insight.series(span));
  });
  app.get('/api/v1/alerts', async (c) => c.json(await insight.alerts()));
  app.get('/api/v1/curve', async (c) => c.json(await insight.curve()));
  browseRoutes(app, insight);
  trafficRoutes(app, insight);
  app.get('/api/v1/mounts/usage', async (c) => c.json(await insight.mountUsage()));
}
