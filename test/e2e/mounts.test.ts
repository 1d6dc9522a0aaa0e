/**
 * Several mounts at once: stores of two kinds under one bucket show up as one namespace in key order, reads
 * and writes reach the store they belong to, and file, environment and flags add up to the mounts that are
 * served.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { MountView } from '@forebay/registry/admin/status';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aws } from '../support/aws.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { mustRun } from '../support/process.ts';
import { runPython } from '../support/python.ts';
import { fileOf, type S3Server, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';

const program = resolve(import.meta.dirname, '../../cli/bin/forebay.js');
const home = tempDir('mounts');

/** What a user sees who asks: by path, without what every mount has. */
async function mountsOf(forebay: ForebayProcess): Promise<Record<string, MountView>> {
  const asking = ['mounts', '--json', '--admin', forebay.admin, '--data-dir', forebay.dataDir];
  const env = {
    PATH: process.env.PATH,
    FOREBAY_ACCESS_KEY: forebay.accessKey,
    FOREBAY_SECRET_KEY: forebay.secretKey,
  };
  const mounts = JSON.parse(await mustRun(process.execPath, [program, ...asking], { env })) as MountView[];
  return Object.fromEntries(mounts.map((mount) => [mount.path, mount]));
}

function directoryWith(name: string, keys: readonly string[]): string {
  const directory = join(home, name);
  mkdirSync(directory, { recursive: true });
  for (const key of keys) {
    mkdirSync(dirname(join(directory, key)), { recursive: true });
    writeFileSync(join(directory, key), `${name}: ${key}`);
  }
  return directory;
}

describe('nested mounts of stores of two kinds', await needs('versitygw', 'python'), () => {
  let server: S3Server;
  let forebay: ForebayProcess;

  const bucketKeys = ['a', 'b/hidden', 'b-', 'b0', 'c/d/hidden', 'c/e', '\u{ff5e}', '\u{1f680}/x', 'zz'];
  const hidden = new Set(['b/hidden', 'c/d/hidden']);
  const nested = {
    b: ['1', 'é', 'e\u0301'],
    'b/deep/er': ['2', 'sub/3'],
    'c/d': ['4'],
    'only/here': ['5'],
    '\u{e000}': ['6'],
  };
  const inOrder = [
    ...bucketKeys.filter((key) => !hidden.has(key)),
    ...Object.entries(nested).flatMap(([path, keys]) => keys.map((key) => `${path}/${key}`)),
  ].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('store');
    for (const key of bucketKeys) {
      const file = fileOf(server, 'store', `under/${key}`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `store: ${key}`);
    }
    const { mount, env } = s3Mount('/lake', server, 'store/under');
    const others = Object.entries(nested).map(([path, keys], index) => {
      return `/lake/${encodeURIComponent(path)}=file://${directoryWith(`nested-${index}`, keys)}`;
    });
    const other = `/other=file://${directoryWith('other', ['from other'])}`;
    forebay = await startForebay({ mounts: [mount, ...others, other], env });
  });
  afterAll(async () => {
    await forebay?.remove();
    await server?.stop();
  });

  it('show up in listings of the bucket above them, in UTF-8 order, whole and by pages', async () => {
    const listed = await runPython<Record<string, unknown>>(
      forebay,
      `
      def listed(**query):
          pages = s3.get_paginator('list_objects_v2').paginate(Bucket='lake', **query)
          return [entry for page in pages for entry in
                  sorted([entry['Key'] for entry in page.get('Contents', [])] +
                         [entry['Prefix'] for entry in page.get('CommonPrefixes', [])], key=str.encode)]
      result = {
          'whole': listed(),
          'pages': [listed(PaginationConfig={'PageSize': size}) for size in (1, 2, 3)],
          'top': listed(Delimiter='/'),
          'top by pages': listed(Delimiter='/', PaginationConfig={'PageSize': 1}),
          'b': listed(Prefix='b/'), 'c': listed(Prefix='c/', Delimiter='/'),
          'buckets': [bucket['Name'] for bucket in s3.list_buckets()['Buckets']],
      }
      `,
    );
    const top = ['a', 'b-', 'b/', 'b0', 'c/', 'only/', 'zz', '\u{e000}/', '\u{ff5e}', '\u{1f680}/'];
    expect(listed).toEqual({
      whole: inOrder,
      pages: [inOrder, inOrder, inOrder],
      top,
      'top by pages': top,
      b: ['b/1', 'b/deep/er/2', 'b/deep/er/sub/3', 'b/e\u0301', 'b/é'],
      c: ['c/d/', 'c/e'],
      buckets: ['lake', 'other'],
    });
    const shown = await aws(forebay, ['s3', 'ls', '--recursive', 's3://lake/']);
    expect(shown.trimEnd().split('\n').map(keyOfLine)).toEqual(inOrder);
  });

  it('answer for the keys below them, and nobody else does', async () => {
    const result = await runPython(
      forebay,
      `
      def read(key):
          try: return s3.get_object(Bucket='lake', Key=key)['Body'].read().decode()
          except ClientError as error: return error.response['Error']['Code']
      result = {key: read(key) for key in args}
      `,
      ['a', 'b/1', 'b/hidden', 'b/deep/er/sub/3', 'c/d/hidden', 'c/e'],
    );
    expect(result).toEqual({
      a: 'store: a',
      'b/1': 'nested-0: 1',
      'b/hidden': 'NoSuchKey',
      'b/deep/er/sub/3': 'nested-1: sub/3',
      'c/d/hidden': 'NoSuchKey',
      'c/e': 'store: c/e',
    });
  });

  it('take writes, copies between stores and deletes of many where they belong', async () => {
    const result = await runPython(
      forebay,
      `
      s3.put_object(Bucket='lake', Key='c/d/new', Body=b'new', Metadata={'from': 'here'})
      s3.copy_object(Bucket='lake', Key='copied', CopySource={'Bucket': 'lake', 'Key': 'c/d/new'})
      s3.copy_object(Bucket='lake', Key='b/copied', CopySource={'Bucket': 'other', 'Key': 'from other'})
      copied = s3.get_object(Bucket='lake', Key='copied')
      result = [copied['Body'].read().decode(), copied['Metadata']]
      `,
    );
    expect(result).toEqual(['new', { from: 'here' }]);
    const places = [
      join(home, 'nested-2/new'),
      fileOf(server, 'store', 'under/copied'),
      join(home, 'nested-0/copied'),
    ];
    expect(places.map((file) => readFileSync(file, 'utf8'))).toEqual(['new', 'new', 'other: from other']);
    const deleted = await runPython(
      forebay,
      `
      keys = ['c/d/new', 'copied', 'b/copied']
      answer = s3.delete_objects(Bucket='lake', Delete={'Objects': [{'Key': key} for key in keys]})
      result = [sorted(entry['Key'] for entry in answer['Deleted']), answer.get('Errors', [])]
      `,
    );
    expect(deleted).toEqual([['b/copied', 'c/d/new', 'copied'], []]);
    expect(places.filter((file) => existsSync(file))).toEqual([]);
    expect(existsSync(fileOf(server, 'store', 'under/c/d/hidden'))).toBe(true);
  });
});

describe('mounts of file, environment and flags', () => {
  const at = (name: string) => `file://${directoryWith(name, [])}`;
  const configFile = join(home, 'forebay.yaml');
  writeFileSync(
    configFile,
    [
      'pageSize: 256KiB',
      'mounts:',
      `  /in-file: ${at('file')}`,
      '  /in-environment:',
      `    ufs: ${at('file')}`,
      '    ttl: 5m',
      '    readOnly: true',
      `  /in-flags: ${at('file')}`,
    ].join('\n'),
  );
  const file = { flags: ['--config', configFile] };
  const environment = {
    FOREBAY_PAGE_SIZE: '512KiB',
    FOREBAY_MOUNT: `/in-environment=${at('environment')} /in-flags=${at('environment')}?ttl=1s`,
  };
  const mounts = [`/in-flags=${at('flags')}?freshness=immutable`, `/only-in-flags=${at('flags')}`];

  async function served(options: Parameters<typeof startForebay>[0]) {
    const forebay = await startForebay(options);
    const found = Object.values(await mountsOf(forebay));
    await forebay.remove();
    return Object.fromEntries(
      found.map(({ path, uri, pageSizeBytes, origin }) => [
        path,
        [uri.replace(`file://${home}/`, ''), pageSizeBytes / 1024, origin],
      ]),
    );
  }

  it('are those of the file where nothing else is said', async () => {
    expect(await served(file)).toEqual({
      '/in-environment': ['file?ttl=5m&readOnly=true', 256, 'start'],
      '/in-file': ['file', 256, 'start'],
      '/in-flags': ['file', 256, 'start'],
    });
  });

  it('are those of the environment before those of the file, path by path', async () => {
    expect(await served({ ...file, env: environment })).toEqual({
      '/in-environment': ['environment', 512, 'start'],
      '/in-file': ['file', 512, 'start'],
      '/in-flags': ['environment?ttl=1s', 512, 'start'],
    });
  });

  it('are those of the flags before all others', async () => {
    const flags = [...file.flags, '--page-size', '2MiB'];
    expect(await served({ flags, mounts, env: environment })).toEqual({
      '/in-environment': ['environment', 2048, 'start'],
      '/in-file': ['file', 2048, 'start'],
      '/in-flags': ['flags?freshness=immutable', 2048, 'start'],
      '/only-in-flags': ['flags', 2048, 'start'],
    });
  });
});

/** `2026-01-31 12:00:00       1234 key with spaces` */
function keyOfLine(line: string): string {
  return /^\S+ \S+ +\d+ (.*)$/.exec(line)![1]!;
}
