import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '../support/process.ts';
import type { S3Endpoint } from '../support/servers.ts';
import { toolPath } from '../support/tools.ts';
import type { Client } from './client.ts';
import { clientEnvironment } from './environment.ts';
import { interopSuite } from './suite.ts';

async function start(server: S3Endpoint, home: string): Promise<Client> {
  const program = await toolPath('rclone');
  const env = clientEnvironment(server, home, {
    RCLONE_CONFIG_F_TYPE: 's3',
    RCLONE_CONFIG_F_PROVIDER: 'Other',
    RCLONE_CONFIG_F_ENDPOINT: server.endpoint,
    RCLONE_CONFIG_F_ENV_AUTH: 'true',
    RCLONE_CONFIG: join(home, 'rclone.conf'),
  });
  writeFileSync(join(home, 'rclone.conf'), '');
  const once = ['--retries', '1', '--low-level-retries', '1'];
  const rclone = (...args: string[]) => mustRun(program, [...once, ...args], { env });
  const at = (bucket: string, key: string) => `f:${bucket}/${key}`;
  const inParts = ['--s3-upload-cutoff', '5Mi', '--s3-chunk-size', '5Mi'];
  return {
    version: /rclone (\S+)/.exec(await rclone('version'))![1]!,
    put: ({ bucket, key }, file) => rclone('copyto', '--ignore-times', file, at(bucket, key)),
    get: ({ bucket, key }, file) => rclone('copyto', '--ignore-times', at(bucket, key), file),
    multipart: ({ bucket, key }, file) => rclone('copyto', ...inParts, file, at(bucket, key)),
    range: async ({ bucket, key }, file, { start, endExclusive }) => {
      const range = ['--offset', String(start), '--count', String(endExclusive - start)];
      // Through a file: what it prints is bytes, not text.
      const args = ['-c', '"$0" "$@" > "$OUT"', program, 'cat', ...range, at(bucket, key)];
      await mustRun('sh', args, { env: { ...env, OUT: file } });
    },
    list: async ({ bucket, prefix }) => {
      const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
      const listed = await rclone('lsf', '--recursive', '--files-only', at(bucket, folder)).catch(
        (error: Error) => {
          if (error.message.includes('directory not found')) return '';
          throw error;
        },
      );
      const names = listed.split('\n').filter((line) => line !== '');
      // It lists folders at the same time, and prints each when it is there.
      return names
        .map((name) => folder + name)
        .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    },
    copy: (bucket, from, to) => rclone('copyto', at(bucket, from), at(bucket, to)),
    delete: (bucket, keys) => {
      if (keys.length === 1) return rclone('deletefile', at(bucket, keys[0]!));
      writeFileSync(join(home, 'names'), keys.map((key) => `${key}\n`).join(''));
      return rclone('delete', '--files-from-raw', join(home, 'names'), `f:${bucket}`);
    },
    presign: async ({ bucket, key }) => (await rclone('link', '--expire', '10m', at(bucket, key))).trim(),
  };
}

await interopSuite({ name: 'rclone', tools: ['rclone'], start, linksOnlyToRead: true });
