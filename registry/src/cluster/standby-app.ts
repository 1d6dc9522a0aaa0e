/** What a registry answers on its admin port while it is not the active one. */
import { Hono } from 'hono';

/** @param reason why, for people; may hold no secret, because nobody is asked for credentials */
export function createStandbyApp(reason: () => string): Hono {
  const app = new Hono();
  app.get('/healthz', (c) => c.json({ status: 'alive' }));
  app.get('/readyz', (c) => c.json({ status: 'not ready', reasons: [reason()] }, 503));
  app.all('*', (c) =>
    c.json(
      { error: { code: 'NotActive', message: `this registry is not the active one: ${reason()}` } },
      503,
    ),
  );
  return app;
}
