/** The two AWS command lines differ in where they lie. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Environment, mustRun } from '../support/process.ts';
import type { S3Endpoint } from '../support/servers.ts';
import type { Client } from './client.ts';
import { clientEnvironment } from './environment.ts';

export interface AwsCli {
  readonly python: string;
  readonly program: string;
  readonly more?: Environment;
}

/** `aws s3` where it has the command, `aws s3api` elsewhere. */
export async function awsClient(cli: AwsCli, server: S3Endpoint, home: string): Promise<Client> {
  const inParts = join(home, 'in-parts');
  writeFileSync(inParts, '[default]\ns3 =\n  multipart_threshold = 5MB\n  multipart_chunksize = 5MB\n');
  const env = clientEnvironment(server, home, cli.more);
  const aws = (args: readonly string[], more: Environment = {}) =>
    // By flag: the older ones know no AWS_ENDPOINT_URL.
    mustRun(cli.python, [cli.program, '--endpoint-url', server.endpoint, ...args], {
      env: { ...env, ...more },
      cwd: home,
    });
  const api = (command: string, ...args: string[]) => aws(['s3api', command, ...args]);
  const quiet = '--only-show-errors';
  return {
    version: /aws-cli\/(\S+)/.exec(await aws(['--version']))![1]!,
    put: ({ bucket, key }, file) => aws(['s3', 'cp', quiet, file, `s3://${bucket}/${key}`]),
    get: ({ bucket, key }, file) => aws(['s3', 'cp', quiet, `s3://${bucket}/${key}`, file]),
    multipart: ({ bucket, key }, file) =>
      aws(['s3', 'cp', quiet, file, `s3://${bucket}/${key}`], { AWS_CONFIG_FILE: inParts }),
    range: ({ bucket, key }, file, { start, endExclusive }) => {
      const range = `bytes=${start}-${endExclusive - 1}`;
      return api('get-object', '--bucket', bucket, '--key', key, '--range', range, file);
    },
    list: async ({ bucket, prefix }) => {
      const query = ['--query', 'Contents[].Key', '--output', 'json', '--page-size', '5'];
      const listed = await api('list-objects-v2', '--bucket', bucket, '--prefix', prefix, ...query);
      return (JSON.parse(listed || 'null') as string[] | null) ?? [];
    },
    copy: (bucket, from, to) => aws(['s3', 'cp', quiet, `s3://${bucket}/${from}`, `s3://${bucket}/${to}`]),
    delete: (bucket, keys) => {
      if (keys.length === 1) return aws(['s3', 'rm', quiet, `s3://${bucket}/${keys[0]}`]);
      const request = JSON.stringify({ Objects: keys.map((key) => ({ Key: key })), Quiet: true });
      return api('delete-objects', '--bucket', bucket, '--delete', request);
    },
    presign: async ({ bucket, key }) => (await aws(['s3', 'presign', `s3://${bucket}/${key}`])).trim(),
  };
}
