/** Settings in the admin API: all of them with their values, and the changing of those that may change. */
import type { Setting, Settings } from '@forebay/core/config';
import { checkDynamic, type SettingTexts, settingNamed } from '@forebay/core/live-settings';
import { settingText } from '@forebay/core/setting-text';
import type { Context, Hono } from 'hono';
import type { LocalRegistry } from '../local-registry.ts';
import { AdminError } from './admin-error.ts';
import { changed } from './audit.ts';
import { whoAsks } from './auth.ts';
import { bodyUpTo, jsonBody } from './request.ts';

export interface SettingView {
  readonly key: string;
  /** As people write it; left out where there is none, and for secrets. */
  readonly value?: string;
  readonly default?: string;
  /** May change while Forebay runs. */
  readonly dynamic: boolean;
  readonly secret: boolean;
  /** `start`: by flag, environment, config file or default; `runtime`: by this API, and kept. */
  readonly origin: 'start' | 'runtime';
  readonly allowed: string;
  readonly help: string;
}

export interface SettingDeps {
  readonly registry: Pick<LocalRegistry, 'view' | 'setSetting' | 'settingHistory'>;
  readonly settings: {
    readonly declared: Settings;
    /** As they were at the start. */
    readonly values: Readonly<Record<string, unknown>>;
  };
  readonly nowMs: () => number;
}

const bodyBytesMax = 64 * 1024;

export function settingRoutes(app: Hono, { registry, settings, nowMs }: SettingDeps): void {
  const { declared, values } = settings;
  const viewOf = (setting: Setting<unknown>) => {
    const entry = Object.entries(declared).find(([, other]) => other === setting);
    return settingView(setting, values[entry?.[0] ?? ''], registry.view().settings);
  };
  const change = async (c: Context, to: string | undefined) => {
    const setting = namedIn(c, declared);
    // Taking back is always allowed.
    if (to !== undefined) checkDynamic(setting, to);
    const { value: before } = viewOf(setting);
    await registry.setSetting({ key: setting.yamlKey, to, atMs: nowMs(), by: whoAsks(c) });
    const now = viewOf(setting);
    const action = to === undefined ? 'setting.reset' : 'setting.set';
    changed(c, { action, target: setting.yamlKey, before, after: now.value });
    return c.json(now);
  };
  app.get('/api/v1/settings', (c) => c.json(Object.values(declared).map(viewOf)));
  app.get('/api/v1/settings/:key', (c) => c.json(viewOf(namedIn(c, declared))));
  app.put('/api/v1/settings/:key', bodyUpTo(bodyBytesMax), async (c) => {
    const { value } = await jsonBody(c);
    if (typeof value !== 'string') throw new AdminError('BadRequest', 'the body is {"value": text}');
    return change(c, value);
  });
  app.delete('/api/v1/settings/:key', (c) => change(c, undefined));
  app.get('/api/v1/setting-changes', (c) => {
    const changes = registry.settingHistory().map(({ atMs, ...rest }) => ({
      ...rest,
      at: new Date(atMs).toISOString(),
    }));
    return c.json(changes.reverse());
  });
}

function namedIn(c: Context, declared: Settings): Setting<unknown> {
  return settingNamed(declared, c.req.param('key') ?? '');
}

function settingView(setting: Setting<unknown>, value: unknown, texts: SettingTexts = {}): SettingView {
  const { yamlKey, defaultText, dynamic, secret, allowed, help } = setting;
  const set = dynamic ? texts[yamlKey] : undefined;
  const text = set ?? settingText(setting, value);
  return {
    key: yamlKey,
    ...(text !== undefined && !secret && { value: text }),
    ...(defaultText !== undefined && { default: defaultText }),
    ...{ dynamic, secret, origin: set === undefined ? 'start' : 'runtime', allowed, help },
  };
}
