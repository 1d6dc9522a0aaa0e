/** What a registry answers on its admin port while it is not the active one: why, and what it counts. */
import { Hono } from 'hono';
import { metricsAnswer, refused } from '../admin/app.ts';
import { type AdminCredentials, adminVerifier } from '../admin/auth.ts';

export interface StandbyDeps {
  /** Why it is not, for people; may hold no secret, because nobody is asked for credentials. */
  readonly reason: () => string;
  /** Undefined where it does not know them: the root user's may be records that nobody has read yet. */
  readonly credentials: () => AdminCredentials | undefined;
  /** Prometheus text. */
  readonly metricsText: () => Promise<string>;
}

export function createStandbyApp({ reason, credentials, metricsText }: StandbyDeps): Hono {
  const app = new Hono();
  app.get('/healthz', (c) => c.json({ status: 'alive' }));
  app.get('/readyz', (c) => c.json({ status: 'not ready', reasons: [reason()] }, 503));
  app.get('/metrics', async (c, next) => {
    const known = credentials();
    if (!known) return next();
    if (!adminVerifier(known)(c.req.header('authorization'), c.req.path)) return refused(c);
    return metricsAnswer(c, await metricsText());
  });
  app.all('*', (c) =>
    c.json(
      { error: { code: 'NotActive', message: `this registry is not the active one: ${reason()}` } },
      503,
    ),
  );
  return app;
}
