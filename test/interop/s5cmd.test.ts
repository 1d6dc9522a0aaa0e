import { join } from 'node:path';
import { mustRun } from '../support/process.ts';
import type { S3Endpoint } from '../support/servers.ts';
import { toolPath } from '../support/tools.ts';
import type { Client } from './client.ts';
import { clientEnvironment } from './environment.ts';
import { oddKeys } from './odd-keys.ts';
import { interopSuite } from './suite.ts';

async function start(server: S3Endpoint, home: string): Promise<Client> {
  const program = join(await toolPath('pythonClients'), 's5cmd');
  const env = clientEnvironment(server, home);
  const s5cmd = (...args: string[]) =>
    mustRun(program, ['--endpoint-url', server.endpoint, '--retry-count', '0', ...args], { env });
  const url = (bucket: string, key: string) => `s3://${bucket}/${key}`;
  return {
    version: (await s5cmd('version')).trim(),
    put: ({ bucket, key }, file) => s5cmd('cp', file, url(bucket, key)),
    // Without --raw, a key with a wildcard in it means many keys.
    get: ({ bucket, key }, file) => s5cmd('cp', '--raw', url(bucket, key), file),
    multipart: ({ bucket, key }, file) => s5cmd('cp', '--part-size', '5', file, url(bucket, key)),
    list: async ({ bucket, prefix }) => {
      const listed = await s5cmd('ls', '--show-fullpath', `${url(bucket, prefix)}*`).catch((error: Error) => {
        if (error.message.includes('no object found')) return '';
        throw error;
      });
      const lines = listed.split('\n').filter((line) => line !== '');
      return lines.map((line) => line.slice(url(bucket, '').length));
    },
    copy: (bucket, from, to) => s5cmd('cp', '--raw', url(bucket, from), url(bucket, to)),
    delete: (bucket, keys) => s5cmd('rm', '--raw', ...keys.map((key) => url(bucket, key))),
    presign: async ({ bucket, key }) => (await s5cmd('presign', url(bucket, key))).trim(),
  };
}

await interopSuite({
  name: 's5cmd',
  tools: ['pythonClients'],
  start,
  cannot: { range: 'has no option for it (its downloads of large objects are ranges)' },
  linksOnlyToRead: true,
  mangles: Object.fromEntries(
    oddKeys.filter((key) => /[?*[]/.test(key)).map((key) => [key, 'refuses a wildcard in a target']),
  ),
});
