import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { headerValue } from '@forebay/core/object';
import { expect, it, onTestFinished } from 'vitest';
import { expectAbsent, putObject, refusal, textAt, uploadOf } from '../contract/support.ts';
import { ufsContract } from '../ufs.contract.ts';
import { openFileUfs } from './open.ts';
import { filesBelow, keysOf, opened } from './testing.ts';

ufsContract('file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-ufs-'));
  const ufs = await openFileUfs({ directory });
  return {
    ufs,
    close: async () => {
      await ufs.close();
      await rm(directory, { recursive: true });
    },
  };
});

it('stores keys as plain files, and removes the directories it emptied', async () => {
  const { ufs, directory } = await opened();
  await putObject(ufs, 'a/b/c.txt', 'plain');
  await putObject(ufs, 'a/d.txt', 'plain too');
  expect(await readFile(join(directory, 'a/b/c.txt'), 'utf8')).toBe('plain');
  await ufs.delete('a/b/c.txt', { headers: [] });
  expect(existsSync(join(directory, 'a/b'))).toBe(false);
  expect(existsSync(join(directory, 'a/d.txt'))).toBe(true);
  await ufs.delete('a/d.txt', { headers: [] });
  expect(await readdir(directory)).toEqual(['.forebay']);
  expect(await filesBelow(directory)).toEqual([]);
});

it('writes nothing into a directory that is only read', async () => {
  const { ufs, directory } = await opened();
  await writeFile(join(directory, 'given'), 'x');
  await keysOf(ufs);
  expect(await textAt(ufs, 'given')).toBe('x');
  await expectAbsent(ufs, 'missing/');
  expect(await readdir(directory)).toEqual(['given']);
});

it('keeps odd keys and uploads across a restart', async () => {
  const { ufs, directory } = await opened();
  await putObject(ufs, 'a', 'beside');
  await putObject(ufs, 'a/b', 'below', [['x-amz-meta-n', '1']]);
  const { uploadId } = await ufs.createUpload('big', [['x-amz-meta-n', '2']]);
  const part = await ufs.uploadPart('big', { ...uploadOf('part'), uploadId, partNumber: 1 });
  await ufs.close();
  const again = await openFileUfs({ directory });
  onTestFinished(() => again.close());
  expect(await keysOf(again)).toEqual(['a', 'a/b']);
  expect(await textAt(again, 'a/b')).toBe('below');
  expect(headerValue((await again.head('a/b')).headers, 'x-amz-meta-n')).toBe('1');
  const parts = [{ partNumber: 1, etag: headerValue(part.headers, 'etag')!, checksums: [] }];
  await again.completeUpload('big', { uploadId, parts, headers: [] });
  expect(await textAt(again, 'big')).toBe('part');
  expect(headerValue((await again.head('big')).headers, 'x-amz-meta-n')).toBe('2');
  expect(await readdir(join(directory, '.forebay/uploads'))).toEqual([]);
});

it('removes at its start what was left on its way a day ago, and no upload', async () => {
  const { ufs, directory } = await opened();
  const { uploadId } = await ufs.createUpload('kept', []);
  const tmp = join(directory, '.forebay/tmp');
  await writeFile(join(tmp, 'left'), 'x');
  await writeFile(join(tmp, 'on-its-way'), 'x');
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400e3);
  await utimes(join(tmp, 'left'), daysAgo(2), daysAgo(2));
  await utimes(join(directory, '.forebay/uploads', uploadId), daysAgo(800), daysAgo(800));
  const again = await openFileUfs({ directory });
  onTestFinished(() => again.close());
  expect(await readdir(tmp)).toEqual(['on-its-way']);
  const { uploads } = await again.listUploads({ prefix: '', maxUploads: 9 });
  expect(uploads.map((upload) => upload.uploadId)).toEqual([uploadId]);
});

it('answers NoSuchBucket while the directory is away, and never makes it', async () => {
  const { ufs, directory } = await opened();
  await putObject(ufs, 'object', 'x');
  const away = `${directory}-away`;
  await rename(directory, away);
  const calls = [
    () => ufs.checkBucket(),
    () => ufs.get('object'),
    () => ufs.list({ prefix: '', maxKeys: 1 }),
    () => ufs.put('deep/object', uploadOf('x')),
    () => ufs.delete('object', { headers: [] }),
    () => ufs.createUpload('object', []),
    () => ufs.listUploads({ prefix: '', maxUploads: 1 }),
  ];
  for (const call of calls) {
    const { code, fields } = await refusal(call());
    expect([code, fields.get('BucketName')]).toEqual(['NoSuchBucket', 'mounted']);
  }
  expect(existsSync(directory)).toBe(false);
  await rename(away, directory);
  expect(await textAt(ufs, 'object')).toBe('x');
});

it('lands every put as a plain file while deletes empty the directories around it', async () => {
  const { ufs, directory } = await opened();
  const rounds = Array.from({ length: 30 }, (_, index) => index);
  await Promise.all(
    rounds.map(async (index) => {
      await putObject(ufs, `a/b/short-${index}`, 'x');
      await Promise.all([
        ufs.delete(`a/b/short-${index}`, { headers: [] }),
        putObject(ufs, `a/b/c${index % 3}/kept-${index}`, String(index)),
      ]);
    }),
  );
  for (const index of rounds) {
    expect(await readFile(join(directory, `a/b/c${index % 3}/kept-${index}`), 'utf8')).toBe(String(index));
  }
  expect(await keysOf(ufs)).toHaveLength(rounds.length);
  const turns = async (key: string) => {
    for (const _ of rounds) {
      await putObject(ufs, key, 'x');
      await ufs.delete(key, { headers: [] });
    }
  };
  await Promise.all(['t/a', 't/b', 't/c/d'].map(turns));
  expect(existsSync(join(directory, '.forebay/odd.db'))).toBe(false);
});

it('keeps no odd file of a key that has become plain', async () => {
  const { ufs, directory } = await opened();
  await putObject(ufs, 'way', 'in the way');
  await putObject(ufs, 'way/below', 'odd');
  await ufs.delete('way', { headers: [] });
  await putObject(ufs, 'way/below', 'plain');
  expect(await readFile(join(directory, 'way/below'), 'utf8')).toBe('plain');
  expect(await filesBelow(join(directory, '.forebay/odd'))).toEqual([]);
  expect(await filesBelow(join(directory, '.forebay/meta'))).toHaveLength(1);
});

it('excludes the writers of two drivers of one directory', async () => {
  const { ufs, directory } = await opened();
  const other = await openFileUfs({ directory: `${directory}/` });
  onTestFinished(() => other.close());
  const writers = [ufs, other, ufs, other];
  const outcomes = await Promise.allSettled(
    writers.map((writer, index) => writer.put('lock', uploadOf(String(index), [['if-none-match', '*']]))),
  );
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});
