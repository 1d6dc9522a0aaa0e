/**
 * The admin API: health, metrics, status, mounts, users, objects, and the dashboard's files. Everything it
 * tells comes in as contracts and functions. Open are /healthz, /readyz, the OpenAPI document and the
 * dashboard's static files; the rest wants the root key pair or a token. Errors are
 * `{"error": {"code", "message"}}`.
 */
import type { CacheNode } from '@forebay/core/cache-node';
import { ConfigError } from '@forebay/core/config';
import { isKind } from '@forebay/core/errors';
import type { Log } from '@forebay/core/log';
import type { Mount } from '@forebay/core/mount';
import type { MountInput } from '@forebay/core/mount-uri';
import { RegistryError } from '@forebay/core/registry-error';
import { type Context, Hono } from 'hono';
import { NotActive, StoreUnavailable } from '../cluster/coordination.ts';
import type { LocalRegistry } from '../local-registry.ts';
import { AdminError, statusOf } from './admin-error.ts';
import { auditRoutes, changed } from './audit.ts';
import { type AdminCredentials, adminVerifier } from './auth.ts';
import { cachingRoutes } from './caching.ts';
import { dashboardRoutes } from './dashboard.ts';
import type { Insight } from './insight/insight.ts';
import { insightRoutes } from './insight/routes.ts';
import { tellUnanswered } from './insight/unanswered.ts';
import { type JobDeps, jobRoutes } from './jobs.ts';
import { type NodesDeps, nodeRoutes } from './nodes.ts';
import { type ObjectDeps, objectRoutes } from './objects.ts';
import { openApi } from './openapi.ts';
import { bodyUpTo, isRecord, jsonBody, neededQuery } from './request.ts';
import { type SettingDeps, settingRoutes } from './settings.ts';
import { mountView, type Status } from './status.ts';
import { type UserDeps, userRoutes } from './users.ts';

export interface AdminDeps extends Pick<SettingDeps, 'settings'>, Pick<ObjectDeps, 'placementOf'> {
  readonly registry: LocalRegistry;
  readonly cacheNode: Pick<CacheNode, 'stat' | 'free'>;
  readonly credentials: AdminCredentials;
  readonly version: string;
  readonly status: () => Promise<Status>;
  /** Why requests cannot be served now, for people; empty: ready. */
  readonly notReady: () => readonly string[];
  /** Prometheus text. */
  readonly metricsText: () => Promise<string>;
  /** @throws ConfigError where the mount is not allowed, or could not be used. */
  readonly makeMount: (input: MountInput) => Promise<Mount>;
  readonly makeUser: UserDeps['makeUser'];
  readonly insight: Insight;
  readonly nodes: NodesDeps;
  /** Undefined: no jobs are run here. */
  readonly jobDeps: JobDeps;
  readonly nowMs: () => number;
  readonly log: Log;
}

const bodyBytesMax = 64 * 1024;

export function createAdminApp(deps: AdminDeps): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    c.header('x-content-type-options', 'nosniff');
    if (!c.res.headers.has('cache-control')) c.header('cache-control', 'no-store');
  });
  app.get('/healthz', (c) => c.json({ status: 'alive' }));
  app.get('/readyz', (c) => {
    const reasons = deps.notReady();
    return reasons.length === 0 ? c.json({ status: 'ready' }) : c.json({ status: 'not ready', reasons }, 503);
  });
  app.get('/api/v1/openapi.json', (c) => c.json(openApi(deps.version)));
  dashboardRoutes(app);
  requireCredentials(app, deps);
  auditRoutes(app, { ...deps, audit: deps.registry.audit });
  app.get('/metrics', async (c) => metricsAnswer(c, await deps.metricsText()));
  tellUnanswered(app, () => deps.insight.unanswered());
  app.get('/api/v1/status', async (c) => c.json(await deps.status()));
  mountRoutes(app, deps);
  userRoutes(app, deps);
  objectRoutes(app, deps);
  cachingRoutes(app, deps);
  insightRoutes(app, deps.insight);
  jobRoutes(app, deps.jobDeps);
  nodeRoutes(app, deps.nodes);
  settingRoutes(app, deps);
  app.notFound((c) => failed(c, new AdminError('NotFound', 'there is nothing at this path')));
  app.onError((error, c) => failed(c, error, deps.log));
  return app;
}

export function requireCredentials(app: Hono, deps: Pick<AdminDeps, 'credentials'>): void {
  const accepts = adminVerifier(deps.credentials);
  app.use(async (c, next) => {
    return accepts(c.req.header('authorization'), c.req.path) ? next() : refused(c);
  });
}

export function refused(c: Context): Response {
  // Bearer alone: with Basic, browsers ask for a password themselves and then send it with every request.
  c.header('www-authenticate', 'Bearer realm="forebay"');
  return failed(
    c,
    new AdminError('Unauthorized', 'the root key pair (Basic) or the token (Bearer) is needed'),
  );
}

/** @param text for Prometheus */
export function metricsAnswer(c: Context, text: string): Response {
  return c.text(text, 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
}

function mountRoutes(app: Hono, { registry, makeMount }: AdminDeps): void {
  const viewOf = (mount: Mount) => mountView(mount, registry.originOf(mount.path) ?? 'runtime');
  app.get('/api/v1/mounts', (c) => c.json(registry.view().mounts.mounts.map(viewOf)));
  app.post('/api/v1/mounts', bodyUpTo(bodyBytesMax), async (c) => {
    const mount = await makeMount(await mountInput(c));
    await registry.mount(mount);
    const after = viewOf(mount);
    changed(c, { action: 'mount.add', target: mount.path, after });
    return c.json(after, 201);
  });
  app.delete('/api/v1/mounts', async (c) => {
    const path = neededQuery(c, 'path').replace(/(?<=.)\/$/, '');
    const origin = registry.originOf(path);
    const mount = registry.view().mounts.mounts.find((one) => one.path === path);
    const before = mount && viewOf(mount);
    await registry.unmount(path);
    changed(c, { action: 'mount.remove', target: path, before });
    return c.json({ path, backAtRestart: origin === 'start' });
  });
}

async function mountInput(c: Context): Promise<MountInput> {
  const { path, ufs, options = {}, ...others } = await jsonBody(c);
  const [unknown] = Object.keys(others);
  const texts = isRecord(options) && Object.values(options).every((value) => typeof value === 'string');
  if (typeof path !== 'string' || typeof ufs !== 'string' || !texts || unknown !== undefined) {
    const extra = unknown === undefined ? '' : `; "${unknown}" is not known`;
    throw new AdminError('BadRequest', `the body is {"path", "ufs", "options"?: {name: text}}${extra}`);
  }
  return { path, uri: ufs, options: options as Record<string, string> };
}

export function failed(c: Context, error: Error, log?: Log): Response {
  const known = toAdminError(error);
  if (known) return c.json({ error: { code: known.code, message: known.message } }, statusOf[known.code]);
  log?.error({ path: c.req.path, reason: String(error) }, 'the admin API failed');
  return c.json({ error: { code: 'Internal', message: 'something failed; the log says what' } }, 500);
}

function toAdminError(error: Error): AdminError | undefined {
  if (error instanceof AdminError) return error;
  if (error instanceof ConfigError) return new AdminError('BadRequest', error.message);
  if (error instanceof NotActive || error instanceof StoreUnavailable)
    return new AdminError('NotActive', error.message);
  if (isKind(error, 'ufs-answer') || isKind(error, 'ufs-unavailable'))
    return new AdminError('UfsFailed', `the UFS said: ${error.message}`);
  if (isKind(error, 'node-unavailable')) return new AdminError('NodeUnavailable', error.message);
  if (!(error instanceof RegistryError)) return undefined;
  const isMissing = ['not-mounted', 'no-such-user', 'not-pinned', 'no-such-job'].includes(error.code);
  return new AdminError(isMissing ? 'NotFound' : 'Conflict', error.message);
}
