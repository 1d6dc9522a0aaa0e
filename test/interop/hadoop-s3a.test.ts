/** Hadoop's FileSystem shell over s3a://. Its put writes beside the target and renames, which is a copy. */
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import type { S3Endpoint } from '../support/servers.ts';
import type { At, Client } from './client.ts';
import { clientEnvironment } from './environment.ts';
import { hadoopPlaces, s3aSettings } from './hadoop.ts';
import { oddKeys } from './odd-keys.ts';
import { type Program, startProgram } from './program.ts';
import { interopSuite } from './suite.ts';

const source = resolve(import.meta.dirname, 'programs/hadoop/Shell.java');
let program: Program;

async function start(server: S3Endpoint, home: string): Promise<Client> {
  const { jars, s3a } = await hadoopPlaces();
  const args = ['-Xmx768m', '--class-path', `${jars}/*:${s3a}/*`, source];
  program = startProgram({ command: 'java', args, env: clientEnvironment(server, home) });
  for (const [name, value] of Object.entries(s3aSettings(server, home))) {
    await program.tell('set', name, value);
  }
  const url = (bucket: string, key: string) => `s3a://${bucket}/${key}`;
  const shell = (...words: string[]) => program.tell('shell', ...words);
  const makeFolder = async ({ bucket, key }: At) => {
    const folder = key.slice(0, Math.max(0, key.lastIndexOf('/')));
    if (folder !== '') await shell('-mkdir', '-p', url(bucket, folder));
  };
  return {
    version: (await program.tell('version'))[0]!,
    put: async (at, file) => {
      await makeFolder(at);
      await shell('-put', '-f', file, url(at.bucket, at.key));
    },
    get: ({ bucket, key }, file) => shell('-get', '-f', url(bucket, key), file),
    range: ({ bucket, key }, file, { start, endExclusive }) =>
      program.tell('range', url(bucket, key), file, start, endExclusive),
    multipart: ({ bucket, key }, file) => shell('-put', '-f', '-d', file, url(bucket, key)),
    list: ({ bucket, prefix }) => program.tell('list', url(bucket, '').slice(0, -1), prefix),
    copy: async (bucket, from, key) => {
      await makeFolder({ bucket, key });
      await shell('-cp', '-f', url(bucket, from), url(bucket, key));
    },
    delete: (bucket, keys) => shell('-rm', '-skipTrash', ...keys.map((key) => url(bucket, key))),
    close: () => program.close(),
  };
}

await interopSuite(
  {
    name: 'Hadoop S3A',
    tools: ['spark'],
    start,
    cannot: { presign: 'has no links' },
    mangles: Object.fromEntries(
      oddKeys.filter((key) => /[?*[{]/.test(key)).map((key) => [key, 'takes it for a pattern']),
    ),
  },
  (open) => {
    it('makes, lists, measures, moves and removes folders', async (context) => {
      const { makeFile, shows } = open();
      shows(context, 'more');
      // In `any`: versitygw refuses to copy the object that stands for an empty folder.
      const shell = async (...words: string[]) => (await program.tell('shell', ...words))[0]!;
      const files = [makeFile(1000).path, makeFile(2_000_000).path];
      await shell('-mkdir', '-p', 's3a://any/tree/of/folders');
      await shell('-put', ...files, 's3a://any/tree/of/');
      expect(await shell('-ls', '-C', 's3a://any/tree/of')).toContain('s3a://any/tree/of/folders\n');
      await shell('-mv', 's3a://any/tree/of', 's3a://any/tree/moved');
      expect(await shell('-du', '-s', 's3a://any/tree')).toMatch(/^2001000 /m);
      expect(await shell('-count', 's3a://any/tree')).toMatch(/^ +3 +2 +2001000 /m);
      await shell('-rm', '-r', '-skipTrash', 's3a://any/tree');
      await expect(shell('-ls', 's3a://any/tree')).rejects.toThrow('No such file or directory');
    });
  },
);
