import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadServeConfig, type ServeSources } from './serve-config.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-config-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const load = (flags: ServeSources['flags'], env: NodeJS.ProcessEnv = {}) =>
  loadServeConfig({ flags: { dataDir: join(directory, 'data'), ...flags }, env, nowMs: 5 });
const pathsAndUris = (config: ReturnType<typeof load>) =>
  config.mounts.map(({ path, uri }) => `${path} ${uri}`);
const configFile = (text: string) => {
  const path = join(directory, 'forebay.yaml');
  writeFileSync(path, text);
  return path;
};

describe('loadServeConfig', () => {
  it('serves a local directory below the data directory where no mount is given', () => {
    const config = load({});
    expect(config.mounts).toHaveLength(1);
    expect(config.mounts[0]).toMatchObject({
      path: '/local',
      ufs: { scheme: 'file', directory: join(directory, 'data', 'local') },
    });
  });

  it('takes flags before the environment before the file', () => {
    const config = configFile('port: 1\nadminPort: 2\ncacheSize: 3GiB\n');
    const { values } = load({ config, port: '11' }, { FOREBAY_PORT: '12', FOREBAY_ADMIN_PORT: '13' });
    expect(values).toMatchObject({ port: 11, adminPort: 13, cacheSizeBytes: 3 * 1024 ** 3 });
  });

  it('finds the file by FOREBAY_CONFIG too', () => {
    expect(load({}, { FOREBAY_CONFIG: configFile('port: 77\n') }).values.port).toBe(77);
  });

  it('adds up mounts of all sources; for one path a flag wins', () => {
    const config = configFile('mounts:\n  /one: s3://file1\n  /two: s3://file2\n  /three: s3://file3\n');
    const env = { FOREBAY_MOUNT: ' /two=s3://env2  /three=s3://env3 ' };
    expect(pathsAndUris(load({ config, mount: ['/three=s3://flag3'] }, env))).toEqual([
      '/one s3://file1',
      '/two s3://env2',
      '/three s3://flag3',
    ]);
  });

  it('adds up rules of all sources; for one prefix a flag wins', () => {
    const config = configFile('rules:\n  - prefix: s3://lake/a\n    pin: true\n  - s3://lake/b?pin=true\n');
    const env = { FOREBAY_RULE: ' s3://lake/b?minUses=2  s3://lake/c?minUses=2 ' };
    const { rules } = load({ config, rule: ['s3://lake/c?minUses=3'] }, env);
    expect(rules.map(({ keys, options }) => ({ keys: keys.text, ...options }))).toEqual([
      { keys: 's3://lake/a', pinned: true },
      { keys: 's3://lake/b', minUses: 2 },
      { keys: 's3://lake/c', minUses: 3 },
    ]);
    expect(() => load({ rule: ['s3://lake?minUses=many'] })).toThrow(
      '--rule: rule s3://lake: option "minUses"',
    );
  });

  it('gives mounts the page size that was set, unless they have their own', () => {
    const { mounts } = load({ pageSize: '2MiB', mount: ['/one=s3://one', '/two=s3://two?pageSize=4MiB'] });
    expect(mounts.map((mount) => mount.pageSizeBytes)).toEqual([2 * 1024 ** 2, 4 * 1024 ** 2]);
  });

  it.each([
    [{ mount: ['/one=s3://one', '/one=s3://two'] }, '--mount: mount /one: the path is mounted twice'],
    [{ mount: ['/one=gcs://one'] }, '--mount: mount /one: gcs:// is not available in this version'],
    [{ config: '/nowhere/forebay.yaml' }, '--config: cannot read /nowhere/forebay.yaml'],
  ])('refuses %j', (flags, message) => {
    expect(() => load(flags)).toThrow(message);
  });

  it('tells file and line of what it refuses in a file', () => {
    const config = configFile('port: 1\nmounts:\n  - path: /one\n    ufs: s3://one\n    tll: 5s\n');
    expect(() => load({ config })).toThrow(
      'forebay.yaml line 3: mount /one: unknown option "tll"; did you mean "ttl"?',
    );
  });

  it('wants both root keys or neither', () => {
    expect(() => load({}, { FOREBAY_ACCESS_KEY: 'abc' })).toThrow('set both or neither');
    expect(load({}, { FOREBAY_ACCESS_KEY: 'abc', FOREBAY_SECRET_KEY: '12345678' }).values.secretKey).toBe(
      '12345678',
    );
  });

  it('mounts no directory that holds the data directory, nor the cache', () => {
    const mount = (path: string) => [`/x-1=file://${join(directory, path)}`];
    expect(() => load({ mount: mount('.') })).toThrow('holds the data directory');
    expect(() => load({ mount: mount('data') })).toThrow('holds the data directory');
    expect(() => load({ mount: mount('data/cache/pages') })).toThrow('is part of the cache');
    expect(load({ mount: mount('data/local') }).mounts).toHaveLength(1);
    expect(load({ mount: mount('data2') }).mounts).toHaveLength(1);
  });

  it('mounts no directory that reaches the data directory by a link', () => {
    const [outer, link] = [join(directory, 'outer'), join(directory, 'link')];
    mkdirSync(outer);
    symlinkSync(outer, link);
    const mount = (path: string) => ({ mount: [`/x-1=file://${path}`] });
    expect(() => load({ ...mount(link), dataDir: join(outer, 'data') })).toThrow('holds the data directory');
    expect(() => load({ ...mount(outer), dataDir: join(link, 'data') })).toThrow('holds the data directory');
    expect(load({ ...mount(link), dataDir: join(directory, 'data') }).mounts).toHaveLength(1);
  });

  it('warns of a variable that is nearly one of ours, and of no other', () => {
    const { warnings } = load(
      {},
      { FOREBAY_PAGESIZE: '1MiB', FOREBAY_SERVICE_HOST: 'x', FOREBAY_ADMIN: 'x' },
    );
    expect(warnings).toEqual([
      'the variable FOREBAY_PAGESIZE is not known; did you mean "FOREBAY_PAGE_SIZE"?',
    ]);
  });
});
