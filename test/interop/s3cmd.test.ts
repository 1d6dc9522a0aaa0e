import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mustRun } from '../support/process.ts';
import type { S3Endpoint } from '../support/servers.ts';
import { toolPath } from '../support/tools.ts';
import type { Client } from './client.ts';
import { clientEnvironment } from './environment.ts';
import { hashOf, interopSuite } from './suite.ts';

async function s3cmdFor(server: S3Endpoint, home: string): Promise<(...args: string[]) => Promise<string>> {
  const bin = await toolPath('pythonClients');
  const { host } = new URL(server.endpoint);
  const settings = { access_key: server.accessKey, secret_key: server.secretKey, use_https: 'False' };
  const all = { ...settings, host_base: host, host_bucket: host };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}\n`);
  writeFileSync(join(home, '.s3cfg'), `[default]\n${lines.join('')}`);
  const env = clientEnvironment(server, home);
  const options = ['--config', join(home, '.s3cfg'), '--no-progress'];
  return (...args) => mustRun(join(bin, 'python'), [join(bin, 's3cmd'), ...options, ...args], { env });
}

async function start(server: S3Endpoint, home: string): Promise<Client> {
  const s3cmd = await s3cmdFor(server, home);
  const url = (bucket: string, key: string) => `s3://${bucket}/${key}`;
  return {
    version: (await s3cmd('--version')).trim().split(' ').at(-1)!,
    put: ({ bucket, key }, file) => s3cmd('put', file, url(bucket, key)),
    get: ({ bucket, key }, file) => s3cmd('get', '--force', url(bucket, key), file),
    multipart: ({ bucket, key }, file) => s3cmd('put', '--multipart-chunk-size-mb=5', file, url(bucket, key)),
    list: async ({ bucket, prefix }) => {
      const listed = await s3cmd('ls', '--recursive', url(bucket, prefix));
      const lines = listed.split('\n').filter((line) => line !== '');
      return lines.map((line) => line.slice(line.indexOf(url(bucket, '')) + url(bucket, '').length));
    },
    copy: (bucket, from, to) => s3cmd('cp', url(bucket, from), url(bucket, to)),
    delete: (bucket, keys) => s3cmd('del', ...keys.map((key) => url(bucket, key))),
    presign: async ({ bucket, key }) => (await s3cmd('signurl', url(bucket, key), '+600')).trim(),
  };
}

await interopSuite(
  {
    name: 's3cmd',
    tools: ['pythonClients'],
    start,
    cannot: { range: 'has no option for it (it continues a broken download: shown)' },
    linksOnlyToRead: true,
  },
  (open) => {
    it('continues a broken download', async (context) => {
      const { forebay, home, client, makeFile, shows } = open();
      shows(context, 'more');
      const { path, hash } = makeFile(2_500_000);
      await client.put({ bucket: 'lake', key: 'broken' }, path);
      const down = join(home, 'broken');
      writeFileSync(down, readFileSync(path).subarray(0, 1_200_000));
      await (await s3cmdFor(forebay, home))('get', '--continue', 's3://lake/broken', down);
      expect(await hashOf(down)).toBe(hash);
    });
  },
);
