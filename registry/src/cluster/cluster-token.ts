/** Calls under `/v1/` are answered to who has the token of the cluster secret, and to nobody else. */
import { clusterVerifier } from '@forebay/core/cluster-secret';
import type { MiddlewareHandler } from 'hono';

export function requireClusterToken(clusterSecret: string): MiddlewareHandler {
  const accepts = clusterVerifier(clusterSecret);
  return async (c, next) => {
    c.header('cache-control', 'no-store');
    if (accepts(c.req.header('authorization'))) return next();
    return c.json(
      { error: { code: 'unauthorized', message: 'the token of the cluster secret is needed' } },
      401,
    );
  };
}
