/**
 * What registry and roles say to each other, under `/v1/` (core/src/registry-wire.ts, docs/cluster.md). All
 * of it wants the bearer token of the cluster secret. What is not answered as active is answered 503.
 */
import { wireBoxOf } from '@forebay/core/cluster-secret';
import { ConfigError } from '@forebay/core/config';
import { parseKeyPattern } from '@forebay/core/key-pattern';
import type { Log } from '@forebay/core/log';
import type { Mount } from '@forebay/core/mount';
import { userOf } from '@forebay/core/plain-view';
import { RegistryError } from '@forebay/core/registry-error';
import { type MemberInfo, viewWaitMsMax, type WireRenewalAnswer } from '@forebay/core/registry-wire';
import { openedUser, readWireText, type SealedUser, wireTextOf } from '@forebay/core/view-text';
import { type Context, Hono } from 'hono';
import { bodyUpTo, isRecord, neededQuery } from '../admin/request.ts';
import type { ActiveRegistry } from './active-registry.ts';
import { requireClusterToken } from './cluster-token.ts';
import { NotActive, StoreUnavailable } from './coordination.ts';
import { checkedMember, checkedMount, checkedRenewal, checkedWriter, WireError } from './v1-checks.ts';

export interface V1Deps {
  readonly clusterSecret: string;
  /** @throws NotActive */
  readonly active: () => ActiveRegistry;
  /** HOST:PORT of the active registry, where that is known. */
  readonly activeAddress: () => string | undefined;
  readonly nowMs: () => number;
  readonly log: Log;
}

const limited = bodyUpTo(1024 * 1024);

export function createV1App(deps: V1Deps): Hono {
  const app = new Hono();
  app.use(requireClusterToken(deps.clusterSecret));
  leaseRoutes(app, deps);
  memberRoutes(app, deps);
  recordRoutes(app, deps);
  app.notFound((c) =>
    c.json({ error: { code: 'not-found', message: 'there is nothing at this path' } }, 404),
  );
  app.onError((error, c) => failed(c, error, deps));
  return app;
}

function leaseRoutes(app: Hono, { active }: V1Deps): void {
  app.get('/v1/view', async (c) => {
    const { state, after, wait } = c.req.query();
    const known = state === undefined ? undefined : { state, revision: Number(after) };
    const ms = Math.min(Math.max(Number(wait) || 0, 0), viewWaitMsMax);
    const view = await active().viewText(known, { ms, signal: c.req.raw.signal });
    if (view === undefined) return c.body(null, 204);
    const headers = { 'content-type': 'application/json' };
    const takesPacked = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
    if (!view.packed || !takesPacked) return c.body(view.text, 200, headers);
    return c.body(view.packed, 200, { ...headers, 'content-encoding': 'gzip' });
  });
  app.post('/v1/renew', limited, async (c) => {
    const request = checkedRenewal(await bodyOf(c));
    const now = active();
    const { membership, ...answer } = await now.renew(request);
    const wire: WireRenewalAnswer = { ...answer, membership: membership && now.told(membership, request) };
    return json(c, wire);
  });
  app.post('/v1/writers', limited, async (c) => {
    const request = checkedWriter(await bodyOf(c));
    return json(c, { granted: await active().renewWriter(request) });
  });
}

function memberRoutes(app: Hono, { active, nowMs }: V1Deps): void {
  app.post('/v1/members', limited, async (c) => {
    const member: MemberInfo = checkedMember(await bodyOf(c));
    active().members.join(member, nowMs());
    return json(c, {});
  });
  app.delete('/v1/members', (c) => {
    active().members.leave(neededQuery(c, 'id'));
    return json(c, {});
  });
}

function recordRoutes(app: Hono, { active, clusterSecret }: V1Deps): void {
  const box = wireBoxOf(clusterSecret);
  const changed = async (c: Context, change: (registry: ActiveRegistry['registry']) => Promise<void>) => {
    const now = active();
    await change(now.registry);
    await now.confirmed();
    return json(c, {});
  };
  app.post('/v1/mounts', limited, async (c) => {
    const mount: Mount = checkedMount(await bodyOf(c));
    return changed(c, (registry) => registry.mount(mount));
  });
  app.delete('/v1/mounts', (c) => changed(c, (registry) => registry.unmount(neededQuery(c, 'path'))));
  app.post('/v1/users', limited, async (c) => {
    const sealed = await bodyOf(c);
    return changed(c, (registry) =>
      registry.addUser(userOf(openedUser(sealed as unknown as SealedUser, box))),
    );
  });
  app.delete('/v1/users', (c) => changed(c, (registry) => registry.removeUser(neededQuery(c, 'name'))));
  app.post('/v1/pins', limited, async (c) => {
    const { keys, pinnedAtMs } = await bodyOf(c);
    const pin = { keys: parseKeyPattern(String(keys)), pinnedAtMs: Number(pinnedAtMs) };
    return changed(c, (registry) => registry.pin(pin));
  });
  app.delete('/v1/pins', (c) => changed(c, (registry) => registry.unpin(neededQuery(c, 'keys'))));
}

/** @throws WireError where it is no JSON object */
async function bodyOf(c: Context): Promise<Record<string, unknown>> {
  const text = await c.req.text();
  let body: unknown;
  try {
    body = readWireText(text);
  } catch {
    throw new WireError('the body is no JSON');
  }
  if (!isRecord(body)) throw new WireError('the body is no JSON object');
  return body;
}

function json(c: Context, value: unknown): Response {
  return c.body(wireTextOf(value), 200, { 'content-type': 'application/json' });
}

function failed(c: Context, error: Error, { activeAddress, log }: V1Deps): Response {
  const { message } = error;
  if (error instanceof NotActive || error instanceof StoreUnavailable) {
    const active = activeAddress();
    return c.json({ error: { code: 'not-active', message, ...(active !== undefined && { active }) } }, 503);
  }
  if (error instanceof RegistryError) return c.json({ error: { code: error.code, message } }, 409);
  if (error instanceof WireError || error instanceof ConfigError || 'code' in error)
    return c.json({ error: { code: 'bad-request', message } }, 400);
  log.error({ path: c.req.path, reason: String(error) }, 'a call under /v1/ failed');
  return c.json({ error: { code: 'internal', message: 'something failed; the log says what' } }, 500);
}
