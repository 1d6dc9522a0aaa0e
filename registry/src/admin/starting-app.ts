/** What the admin port answers while the process starts: alive, not ready. */
import { Hono } from 'hono';

export function createStartingApp(): Hono {
  const app = new Hono();
  app.get('/healthz', (c) => c.json({ status: 'alive' }));
  app.get('/readyz', (c) => c.json({ status: 'not ready', reasons: ['starting'] }, 503));
  app.all('*', (c) => c.json({ error: { code: 'NotReady', message: 'Forebay is starting' } }, 503));
  return app;
}
