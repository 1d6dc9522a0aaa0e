import { describe, expect, it } from 'vitest';
import { bytes, ConfigError, choice, integer, list, resolveSettings, text } from './config.ts';
import { parseConfigFile } from './config-file.ts';

const settings = {
  pageSizeBytes: bytes({ env: 'FOREBAY_PAGE_SIZE', default: '1MiB', help: 'x' }),
  port: integer({ env: 'FOREBAY_PORT', default: '9000', help: 'x' }),
  sigv2: choice({ env: 'FOREBAY_SIGV2', choices: ['presigned', 'off'], default: 'presigned', help: 'x' }),
  domains: list({ env: 'FOREBAY_DOMAIN', allowed: 'a host name', help: 'x' }),
  token: text({ env: 'FOREBAY_TOKEN', help: 'x', secret: true }),
};
const parse = (yaml: string) => parseConfigFile({ name: 'forebay.yaml', text: yaml, settings });

describe('config file', () => {
  it('reads settings as the text that stands there', () => {
    const { values } = parse('pageSize: 4MiB\nport: 9100\nsigv2: off\ndomain: [a.test, b.test]\n');
    expect(resolveSettings(settings, { file: values })).toMatchObject({
      pageSizeBytes: 4 * 1024 * 1024,
      port: 9100,
      sigv2: 'off',
      domains: ['a.test', 'b.test'],
    });
  });

  it('reads mounts as a list with options', () => {
    const { mounts } = parse(
      'mounts:\n  - path: /lake\n    ufs: s3://lake\n    readOnly: true\n    ttl: 5m\n',
    );
    expect(mounts).toEqual([
      {
        path: '/lake',
        uri: 's3://lake',
        options: { readOnly: 'true', ttl: '5m' },
        where: 'forebay.yaml line 2',
      },
    ]);
  });

  it('reads rules with their options beside the prefix, or as the flag takes them', () => {
    const { rules } = parse(
      'rules:\n  - prefix: s3://lake/hot/\n    quota: 10GiB\n    minUses: 2\n  - s3://lake/cold/?priority=low\n',
    );
    expect(rules).toEqual([
      {
        prefix: 's3://lake/hot/',
        options: { quota: '10GiB', minUses: '2' },
        where: 'forebay.yaml line 2',
      },
      { prefix: 's3://lake/cold/?priority=low', where: 'forebay.yaml line 5' },
    ]);
    expect(() => parse('rules:\n  - pin: true\n')).toThrow('forebay.yaml line 2: rules: a rule needs prefix');
    expect(() => parse('rules: { a: b }\n')).toThrow('rules: expected a list of { prefix, ...options }');
  });

  it('reads mounts as a map of paths', () => {
    const { mounts } = parse('mounts:\n  /lake: s3://lake?region=eu-west-1\n  /data: { ufs: "file:///d" }\n');
    expect(mounts).toEqual([
      { path: '/lake', uri: 's3://lake?region=eu-west-1', where: 'forebay.yaml line 2' },
      { path: '/data', uri: 'file:///d', options: {}, where: 'forebay.yaml line 3' },
    ]);
  });

  it('takes an empty file as one that says nothing', () => {
    expect(parse('# nothing yet\n')).toEqual({ values: new Map(), mounts: [], rules: [], users: [] });
  });

  it.each([
    [
      'port: 1\npagesize: 1MiB\n',
      'forebay.yaml line 2: unknown key "pagesize"; did you mean "pageSize"?; allowed are',
    ],
    ['port: 1\n\nport: 2\n', 'forebay.yaml line 3: Map keys must be unique'],
    ['port: [1, 2]\n', 'forebay.yaml line 1: port: expected a single value'],
    ['port:\n', 'port: the value is missing'],
    ['- a\n', 'a config file is a list of "key: value" lines'],
    ['port: 1\nmounts: s3://lake\n', 'forebay.yaml line 2: mounts: expected a list'],
    ['mounts:\n  - ufs: s3://lake\n', 'forebay.yaml line 2: mounts: a mount needs path'],
    ['mounts:\n  - s3://lake\n', 'forebay.yaml line 2: mounts: an entry of the list is'],
    ['token: abc\n', 'forebay.yaml line 1: token is a secret: set FOREBAY_TOKEN in the environment'],
    ['port: "1\n', 'forebay.yaml line'],
  ])('stops with file and line: %j', (yaml, message) => {
    expect(() => parse(yaml)).toThrow(ConfigError);
    expect(() => parse(yaml)).toThrow(message);
  });
});
