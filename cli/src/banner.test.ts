import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { banner } from './banner.ts';
import type { RootUser } from './roles/serve.ts';
import { loadServeConfig } from './serve-config.ts';
import { styleFor } from './terminal.ts';

const config = loadServeConfig({
  flags: {
    dataDir: join(process.cwd(), 'd'),
    mount: ['/lake=s3://lake?readOnly=true&ttl=5m', '/pub-1=file:///p?anonymous=read&listTtl=10s'],
  },
  env: {},
  nowMs: 0,
});
const show = (from: RootUser['from'], terminal: boolean, env: NodeJS.ProcessEnv = {}) =>
  banner({
    running: {
      endpoint: 'http://127.0.0.1:9000',
      adminUrl: 'http://127.0.0.1:9001',
      nodeId: 'node-1',
      rootUser: { accessKey: 'FBACCESS', secretKey: 'the-secret', from },
      workers: 2,
      mounts: config.mounts,
      stop: async () => undefined,
    },
    config,
    style: styleFor({ isTTY: terminal }, env),
    terminal,
    tookMs: 250,
  });

describe('banner', () => {
  it('tells endpoint, dashboard, mounts and cache', () => {
    const text = show('made', false);
    expect(text).toContain('S3 endpoint  http://127.0.0.1:9000');
    expect(text).toContain('http://127.0.0.1:9001/');
    expect(text).toMatch(/\/lake +s3:\/\/lake\?readOnly=true&ttl=5m +ttl 5m, read only/);
    expect(text).toMatch(
      /\/pub-1 +file:\/\/\/p\?anonymous=read&listTtl=10s +ttl 1m, lists may lag 10 s, public read/,
    );
    expect(text).toContain('20 GiB on disk in ./d/cache, 1 GiB in memory, pages of 1 MiB');
  });

  it('has lines to copy for aws, boto3 and s3a', () => {
    const text = show('made', false);
    expect(text).toContain('export AWS_ACCESS_KEY_ID=FBACCESS AWS_SECRET_ACCESS_KEY=the-secret');
    expect(text).toContain('aws --endpoint-url http://127.0.0.1:9000 s3 ls');
    expect(text).toContain("boto3.client('s3', endpoint_url='http://127.0.0.1:9000'");
    expect(text).toContain('fs.s3a.path.style.access=true');
  });

  it.each([
    ['made', false, true],
    ['made', true, true],
    ['kept', true, true],
    ['kept', false, false],
    ['environment', true, false],
    ['environment', false, false],
  ] as const)('with a pair that is %s, terminal %s: shows the secret key: %s', (from, terminal, shown) => {
    const text = show(from, terminal, { NO_COLOR: '1' });
    expect(text.includes('the-secret')).toBe(shown);
    if (!shown)
      expect(text).toContain(
        from === 'kept' ? 'kept in ./d/root-credentials.json' : 'as in FOREBAY_SECRET_KEY',
      );
  });

  it('is coloured only on a terminal without NO_COLOR', () => {
    const coloured = (text: string) => text.includes('\u001b[');
    expect(coloured(show('made', true))).toBe(true);
    expect(coloured(show('made', true, { NO_COLOR: '1' }))).toBe(false);
    expect(coloured(show('made', false))).toBe(false);
  });
});
