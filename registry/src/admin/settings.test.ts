import { duration, integer, resolveSettings, text } from '@forebay/core/config';
import { silentLog } from '@forebay/core/log';
import { SecretBox } from '@forebay/core/secret-box';
import { Hono } from 'hono';
import { Keyv } from 'keyv';
import { beforeEach, describe, expect, it } from 'vitest';
import { LocalRegistry } from '../local-registry.ts';
import { settingRoutes } from './settings.ts';

const declared = {
  linesMax: integer({ env: 'FOREBAY_LINES_MAX', default: '8', min: '1', dynamic: true, help: 'Lines.' }),
  waitMs: duration({ env: 'FOREBAY_WAIT', default: '60s', help: 'Wait.' }),
  word: text({ env: 'FOREBAY_WORD', secret: true, help: 'A secret.' }),
};
const values = resolveSettings(declared, { env: { FOREBAY_WORD: 'hidden' } });

let store: Map<string, unknown>;
let registry: LocalRegistry;
let app: Hono;
const open = async () => {
  registry = await LocalRegistry.open({
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
  settingRoutes(app, { registry, settings: { declared, values }, nowMs: () => 5000 });
  app.onError((error, c) => c.json({ message: error.message }, 400));
};
const ask = async (method: string, path: string, body?: unknown) => {
  const headers = { 'content-type': 'application/json', authorization: `Basic ${btoa('AK:secret')}` };
  const answer = await app.request(path, { method, headers, body: body ? JSON.stringify(body) : null });
  return (await answer.json()) as Record<string, unknown>;
};
beforeEach(async () => {
  store = new Map();
  await open();
});

describe('settings', () => {
  it('are shown as people write them, and secrets are not', async () => {
    expect(await ask('GET', '/api/v1/settings')).toMatchObject([
      { key: 'linesMax', value: '8', dynamic: true, origin: 'start' },
      { key: 'wait', value: '1m', default: '60s', dynamic: false },
      { key: 'word', secret: true },
    ]);
    expect(JSON.stringify(await ask('GET', '/api/v1/settings'))).not.toContain('hidden');
  });

  it('change in the view that every process follows, stay over a restart, and are taken back', async () => {
    const seen: unknown[] = [];
    registry.watch(({ settings }) => seen.push(settings));
    expect(await ask('PUT', '/api/v1/settings/linesMax', { value: '20' })).toMatchObject({
      value: '20',
      origin: 'runtime',
    });
    await open();
    expect(registry.view().settings).toEqual({ linesMax: '20' });
    expect(await ask('DELETE', '/api/v1/settings/linesMax')).toMatchObject({ value: '8', origin: 'start' });
    expect(registry.view().settings).toEqual({});
    expect(seen).toEqual([{ linesMax: '20' }]);
  });

  it('note who changed what', async () => {
    await ask('PUT', '/api/v1/settings/linesMax', { value: '20' });
    await ask('PUT', '/api/v1/settings/linesMax', { value: '20' });
    await ask('DELETE', '/api/v1/settings/linesMax');
    const at = new Date(5000).toISOString();
    expect(await ask('GET', '/api/v1/setting-changes')).toEqual([
      { key: 'linesMax', from: '20', at, by: 'AK' },
      { key: 'linesMax', to: '20', at, by: 'AK' },
    ]);
  });

  it.each([
    ['linesMax', '0', 'is not allowed'],
    ['wait', '1s', 'takes a restart'],
    ['linesMix', '1', 'did you mean "linesMax"?'],
  ])('refuse %s = %s', async (key, value, message) => {
    expect((await ask('PUT', `/api/v1/settings/${key}`, { value })).message).toContain(message);
    expect(registry.view().settings).toEqual({});
  });
});
