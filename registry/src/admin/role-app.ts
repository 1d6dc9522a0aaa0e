/**
 * What a gateway or cache node of a cluster answers on its admin port: how it is and what it counts, to who
 * has the root's keys; under `/v1/` what other roles ask, to who has the cluster secret.
 */
import type { Log } from '@forebay/core/log';
import { Hono } from 'hono';
import { requireClusterToken } from '../cluster/cluster-token.ts';
import { AdminError } from './admin-error.ts';
import { failed, metricsAnswer, requireCredentials } from './app.ts';
import type { AdminCredentials } from './auth.ts';

export interface RoleAdminDeps {
  readonly credentials: AdminCredentials;
  /** Why requests cannot be served now, for people; empty: ready. */
  readonly notReady: () => Promise<readonly string[]> | readonly string[];
  /** Prometheus text. */
  readonly metricsText: () => Promise<string>;
  readonly clusterSecret: string;
  /** Under `/v1/`: for who has the token of the cluster secret. */
  readonly clusterRoutes: (app: Hono) => void;
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
  app.use('/v1/*', requireClusterToken(deps.clusterSecret));
  deps.clusterRoutes(app);
  app.all('/v1/*', (c) => failed(c, new AdminError('NotFound', 'there is nothing at this path')));
  requireCredentials(app, deps);
  app.get('/metrics', async (c) => metricsAnswer(c, await deps.metricsText()));
  app.onError((error, c) => failed(c, error, deps.log));
  return app;
}
