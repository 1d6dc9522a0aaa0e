/** What a gateway or cache node of a cluster answers on its admin port: how it is, and what it counts. */
import type { Log } from '@forebay/core/log';
import { Hono } from 'hono';
import { failed, requireCredentials } from './app.ts';
import type { AdminCredentials } from './auth.ts';

export interface RoleAdminDeps {
  readonly credentials: AdminCredentials;
  /** Why requests cannot be served now, for people; empty: ready. */
  readonly notReady: () => Promise<readonly string[]> | readonly string[];
  /** Prometheus text. */
  readonly metricsText: () => Promise<string>;
  /** What the role answers besides, to who has the credentials. */
  readonly routes?: ((app: Hono) => void) | undefined;
  readonly log: Log;
}

export function createRoleAdminApp(deps: RoleAdminDeps): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    c.header('x-content-type-options', 'nosniff');
    c.header('cache-control', 'no-store');
  });
  app.get('/healthz', (c) => c.json({ status: 'alive' }));
  app.get('/readyz', async (c) => {
    const reasons = await deps.notReady();
    return reasons.length === 0 ? c.json({ status: 'ready' }) : c.json({ status: 'not ready', reasons }, 503);
  });
  requireCredentials(app, deps);
  app.get('/metrics', async (c) =>
    c.text(await deps.metricsText(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
  deps.routes?.(app);
  app.onError((error, c) => failed(c, error, deps.log));
  return app;
}
