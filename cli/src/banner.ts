/** What `serve` prints when it is ready: where everything is, and lines to copy. */
import { relative } from 'node:path';
import { formatDuration, formatSize } from '@forebay/core/bytes';
import { isPattern, type Mount } from '@forebay/core/mount';
import type { RunningForebay } from './roles/serve.ts';
import type { ServeConfig } from './serve-config.ts';
import { type Style, table } from './terminal.ts';
import { version } from './version.ts';

export interface BannerOptions {
  readonly running: RunningForebay;
  readonly config: ServeConfig;
  readonly style: Style;
  /** Someone looks: a kept secret key may be shown. */
  readonly terminal: boolean;
  readonly tookMs: number;
}

export function banner({ running, config, style, terminal, tookMs }: BannerOptions): string {
  const { endpoint, adminUrl, rootUser } = running;
  const secret = secretToShow(running, terminal);
  const facts = [
    ['S3 endpoint', style.strong(endpoint)],
    ['Access key', rootUser.accessKey],
    ['Secret key', secret ?? whereSecretIs(running, config)],
    ['Dashboard', `${style.strong(`${adminUrl}/`)}   sign in with the keys above`],
    ['Metrics', `${adminUrl}/metrics`],
    ['Cache', cacheText(config)],
  ].map(([name, value]) => `  ${style.quiet(name!.padEnd(11))}  ${value}`);
  const mounts = table(running.mounts.map(mountRow)).map((row) => `  ${row}`);
  const tries = recipes({
    endpoint,
    accessKey: rootUser.accessKey,
    secretKey: secret ?? 'SECRET_KEY',
  }).flatMap(([client, ...lines]) => [
    `  ${style.quiet(client!)}`,
    ...lines.map((line) => `    ${line}`),
    '',
  ]);
  return [
    '',
    `  ${style.accent(style.strong('≈ Forebay'))} ${version}   ready in ${formatDuration(tookMs)}`,
    '',
    ...facts,
    '',
    `  ${style.quiet('Mounts')}`,
    ...mounts.map((row) => `  ${row}`),
    '',
    ...tries,
    `  ${style.quiet('Ctrl-C stops.')}`,
    '',
    '',
  ].join('\n');
}

/**
 * A key made just now is shown wherever that goes, once; later only on a terminal; one of the environment
 * never.
 */
function secretToShow({ rootUser }: RunningForebay, terminal: boolean): string | undefined {
  const show = rootUser.from === 'made' || (rootUser.from === 'kept' && terminal);
  return show ? rootUser.secretKey : undefined;
}

function whereSecretIs({ rootUser }: RunningForebay, { dataDir }: ServeConfig): string {
  return rootUser.from === 'environment'
    ? 'as in FOREBAY_SECRET_KEY'
    : `kept in ${shortPath(dataDir.credentialsPath)}`;
}

function cacheText({ values, dataDir }: ServeConfig): string {
  const { cacheSizeBytes, memorySizeBytes, pageSizeBytes } = values;
  const disk = `${formatSize(cacheSizeBytes)} on disk in ${shortPath(dataDir.cachePath)}`;
  return `${disk}, ${formatSize(memorySizeBytes)} in memory, pages of ${formatSize(pageSizeBytes)}`;
}

function shortPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') ? path : `./${near}`;
}

function mountRow(mount: Mount): string[] {
  const { path, uri, freshness, ttlMs, listTtlMs, readOnly, anonymous } = mount;
  const notes = [
    ...(isPattern(mount) ? ['every bucket'] : []),
    freshness === 'ttl' ? `ttl ${formatDuration(ttlMs)}` : freshness,
    ...(listTtlMs === undefined ? [] : [`lists may lag ${formatDuration(listTtlMs)}`]),
    ...(readOnly ? ['read only'] : []),
    ...(anonymous === 'read' ? ['public read'] : []),
  ];
  return [path, uri, notes.join(', ')];
}

function recipes({
  endpoint,
  accessKey,
  secretKey,
}: {
  endpoint: string;
  accessKey: string;
  secretKey: string;
}) {
  const s3a = 'spark.hadoop.fs.s3a';
  return [
    [
      'aws CLI',
      `export AWS_ACCESS_KEY_ID=${accessKey} AWS_SECRET_ACCESS_KEY=${secretKey} AWS_DEFAULT_REGION=us-east-1`,
      `aws --endpoint-url ${endpoint} s3 ls`,
    ],
    [
      'boto3',
      `s3 = boto3.client('s3', endpoint_url='${endpoint}', region_name='us-east-1',`,
      `                  aws_access_key_id='${accessKey}', aws_secret_access_key='${secretKey}')`,
    ],
    [
      'Spark (s3a)',
      `spark-shell --conf ${s3a}.endpoint=${endpoint} --conf ${s3a}.path.style.access=true \\`,
      `  --conf ${s3a}.access.key=${accessKey} --conf ${s3a}.secret.key=${secretKey}`,
    ],
  ];
}
