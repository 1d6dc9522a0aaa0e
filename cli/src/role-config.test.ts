import { expect, it } from 'vitest';
import { loadCacheNodeConfig } from './role-config.ts';

const env = { FOREBAY_CLUSTER_SECRET: '0123456789abcdef' };

function load(flags: Record<string, string>) {
  return loadCacheNodeConfig({
    flags: { registry: ['http://r1:9001,http://r2:9001/'], ...flags },
    env,
    nowMs: 0,
  });
}

it('takes several registries, and the place where a cache node is reached', () => {
  expect(load({}).registries).toEqual(['http://r1:9001', 'http://r2:9001']);
  expect(load({}).advertise).toBeUndefined();
  for (const advertise of ['10.0.0.5:9100', 'node-1.cache:9100', '[fd00::1]:9100']) {
    expect(load({ host: '0.0.0.0', advertise }).advertise).toBe(advertise);
  }
});

it.each([
  [{ host: '0.0.0.0' }, '--advertise is needed'],
  [{ host: '::' }, '--advertise is needed'],
  [{ advertise: '0.0.0.0:9100' }, 'nobody can reach a wildcard'],
  [{ advertise: '[::]:9100' }, 'nobody can reach a wildcard'],
  [{ advertise: '10.0.0.5' }, 'is no HOST:PORT'],
  [{ advertise: 'fd00::1:9100' }, 'is no HOST:PORT'],
  [{ advertise: '10.0.0.5:99999' }, 'is no HOST:PORT'],
])('refuses a cache node that nobody could reach: %o', (flags, message) => {
  expect(() => load(flags as Record<string, string>)).toThrow(message);
});
