/** Tells of answers that are gathered from members of a cluster whom they lack. */
import type { Hono } from 'hono';

export const unansweredHeader = 'x-forebay-unanswered';

const gatheredPaths = [
  'status',
  'series',
  'alerts',
  'curve',
  'browse',
  'objects/pages',
  'hot',
  'slow',
  'logs',
  'mounts/usage',
] as const;

/** Ids, divided by commas; no header: nobody. */
export function tellUnanswered(app: Hono, unanswered: () => readonly string[]): void {
  for (const path of gatheredPaths) {
    app.use(`/api/v1/${path}`, async (c, next) => {
      await next();
      const ids = unanswered();
      if (ids.length > 0) c.header(unansweredHeader, ids.join(','));
    });
  }
}
