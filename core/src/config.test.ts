import { describe, expect, it } from 'vitest';
import {
  bytes,
  ConfigError,
  choice,
  didYouMean,
  duration,
  integer,
  list,
  resolveSettings,
  text,
} from './config.ts';

const settings = {
  pageSizeBytes: bytes({ env: 'FOREBAY_PAGE_SIZE', default: '1MiB', min: '64KiB', max: '16MiB', help: 'x' }),
  negativeTtlMs: duration({ env: 'FOREBAY_NEGATIVE_TTL', default: '5s', max: '1h', help: 'x' }),
  port: integer({ env: 'FOREBAY_PORT', default: '9000', max: '65535', help: 'x' }),
  sigv2: choice({ env: 'FOREBAY_SIGV2', choices: ['presigned', 'off'], default: 'presigned', help: 'x' }),
  domains: list({ env: 'FOREBAY_DOMAIN', pattern: /^[a-z.]+$/, allowed: 'a host name', help: 'x' }),
  token: text({ env: 'FOREBAY_TOKEN', pattern: /^.{8,}$/, allowed: '8 characters', help: 'x', secret: true }),
};
const file = (entries: Record<string, string[]>) =>
  new Map(Object.entries(entries).map(([key, texts]) => [key, { texts, where: 'forebay.yaml line 3' }]));

describe('settings', () => {
  it('derives flag and YAML key from the environment name', () => {
    expect(settings.pageSizeBytes).toMatchObject({ flag: '--page-size', yamlKey: 'pageSize' });
  });

  it('takes flags before environment before file before default', () => {
    const sources = {
      flags: { pageSize: '2MiB' },
      env: { FOREBAY_PAGE_SIZE: '4MiB', FOREBAY_NEGATIVE_TTL: '7s' },
      file: file({ pageSize: ['8MiB'], negativeTtl: ['9s'], port: ['7'] }),
    };
    const values = resolveSettings(settings, sources);
    expect(values.pageSizeBytes).toBe(2 * 1024 * 1024);
    expect(values.negativeTtlMs).toBe(7000);
    expect(values.port).toBe(7);
    expect(values.sigv2).toBe('presigned');
    expect(values.domains).toEqual([]);
    expect(values.token).toBeUndefined();
  });

  it('splits a list in the environment at commas and takes repeated flags as they are', () => {
    expect(resolveSettings(settings, { env: { FOREBAY_DOMAIN: 'a.b, c.d' } }).domains).toEqual([
      'a.b',
      'c.d',
    ]);
    expect(resolveSettings(settings, { flags: { domain: ['a.b', 'c.d'] } }).domains).toEqual(['a.b', 'c.d']);
  });

  it('treats an empty variable as not set', () => {
    expect(resolveSettings(settings, { env: { FOREBAY_PORT: '' } }).port).toBe(9000);
  });

  it.each([
    [{ flags: { pageSize: '1KiB' } }, '--page-size: "1KiB" is not allowed; allowed is a size such as'],
    [{ flags: { pageSize: '17MiB' } }, 'from 64KiB to 16MiB'],
    [{ env: { FOREBAY_PORT: 'tcp://10.0.0.1:9000' } }, 'FOREBAY_PORT: "tcp://10.0.0.1:9000" is not allowed'],
    [{ env: { FOREBAY_NEGATIVE_TTL: '60' } }, 'a duration such as 500ms, 60s or 5m up to 1h'],
    [
      { file: file({ sigv2: ['on'] }) },
      'forebay.yaml line 3: sigv2: "on" is not allowed; allowed is presigned or off',
    ],
    [{ flags: { domain: ['a.b', 'http://x'] } }, '--domain: "a.b,http://x" is not allowed'],
    [{ flags: { port: ['1', '2'] } }, '--port: "1,2" is not allowed'],
  ])('stops on a bad value with its place and what is allowed: %j', (sources, message) => {
    expect(() => resolveSettings(settings, sources)).toThrow(ConfigError);
    expect(() => resolveSettings(settings, sources)).toThrow(message);
  });

  it('never takes a secret from a flag and never shows one', () => {
    expect(resolveSettings(settings, { flags: { token: 'long-enough' } }).token).toBeUndefined();
    const attempt = () => resolveSettings(settings, { env: { FOREBAY_TOKEN: 'hunter2' } });
    expect(attempt).toThrow('FOREBAY_TOKEN: the value is not allowed; allowed is 8 characters');
    expect(attempt).not.toThrow('hunter2');
  });

  it('suggests a near name and no far one', () => {
    expect(didYouMean('pagesize', ['port', 'pageSize'])).toBe('; did you mean "pageSize"?');
    expect(didYouMean('zebra', ['port', 'pageSize'])).toBe('');
  });
});
