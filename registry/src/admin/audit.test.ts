/** The audit log of the admin API: each change once, with who made it, bounded, and without secrets. */
import { silentLog } from '@forebay/core/log';
import { SecretBox } from '@forebay/core/secret-box';
import { Hono } from 'hono';
import { Keyv } from 'keyv';
import { beforeEach, expect, it } from 'vitest';
import { LocalRegistry } from '../local-registry.ts';
import { type AuditView, auditRoutes, changed } from './audit.ts';

let store: Map<string, unknown>;
let app: Hono;
let nowMs = 0;

async function open(): Promise<void> {
  const registry = await LocalRegistry.open({
    state: new Keyv({ store, throwOnErrors: true }),
    clock: { wallMs: () => 0, monotonicMs: () => 0 },
    log: silentLog,
    ...{ mounts: [], users: [], rules: [] },
    restoreMount: () => {
      throw new Error('not asked here');
    },
    secrets: new SecretBox(new Uint8Array(32)),
  });
  app = new Hono();
  auditRoutes(app, { audit: registry.audit, nowMs: () => nowMs, log: silentLog });
  app.post('/change/:name', async (c) => {
    changed(c, { action: 'thing.set', target: c.req.param('name'), before: 1, after: await c.req.json() });
    return c.json({});
  });
  app.post('/look', (c) => c.json({}));
}

beforeEach(async () => {
  store = new Map();
  await open();
});

async function change(name: string, after: unknown, authorization = `Basic ${btoa('AK:hidden')}`) {
  nowMs += 1000;
  const answer = await app.request(`/change/${name}`, {
    method: 'POST',
    headers: { authorization },
    body: JSON.stringify(after),
  });
  expect(answer.status).toBe(200);
}

async function audit(query = ''): Promise<AuditView[]> {
  return (await (await app.request(`/api/v1/audit${query}`)).json()) as AuditView[];
}

it('keeps who changed what, when and how, the newest first, over restarts', async () => {
  nowMs = 0;
  await change('a', { on: true });
  await app.request('/look', { method: 'POST' });
  await change('b', 'x', 'Bearer of-a-token');
  await open();
  expect(await audit()).toEqual([
    { at: '1970-01-01T00:00:02.000Z', by: 'token', action: 'thing.set', target: 'b', before: 1, after: 'x' },
    {
      ...{ at: '1970-01-01T00:00:01.000Z', by: 'AK', action: 'thing.set', target: 'a' },
      ...{ before: 1, after: { on: true } },
    },
  ]);
  expect(JSON.stringify([...store.values()])).not.toContain('hidden');
  expect(await audit('?limit=1')).toHaveLength(1);
});

it('is bounded: by entries, by the size of each and of all', async () => {
  for (let number = 0; number < 1010; number += 1) await change(String(number), number);
  const all = await audit('?limit=100000');
  expect([all.length, all[0]!.target, all.at(-1)!.target]).toEqual([1000, '1009', '10']);
  for (let number = 0; number < 300; number += 1) await change(`big-${number}`, 'x'.repeat(100_000));
  const [kept] = [...store.values()];
  expect(JSON.stringify(kept).length).toBeLessThan(1.2 * 1024 * 1024);
  expect((await audit())[0]).toMatchObject({
    target: 'big-299',
    after: expect.stringMatching(/^"x{4095}\.\.\.$/),
  });
});
