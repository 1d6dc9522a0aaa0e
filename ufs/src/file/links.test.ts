import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { expectAbsent, putObject, textAt } from '../contract/support.ts';
import { keysOf, opened } from './testing.ts';

it('never reads, lists, writes or deletes through a link that leads outside', async () => {
  const { ufs, directory, outside } = await opened();
  await writeFile(join(outside, 'secret'), 'secret');
  await symlink(join(outside, 'secret'), join(directory, 'file-link'));
  await symlink(outside, join(directory, 'dir-link'));
  await symlink(join(directory, 'nowhere'), join(directory, 'dangling'));
  for (const key of ['file-link', 'dir-link/secret', 'dangling']) await expectAbsent(ufs, key);
  expect(await keysOf(ufs)).toEqual([]);
  expect(await keysOf(ufs, '/')).toEqual([]);
  expect((await ufs.list({ prefix: 'dir-link/', maxKeys: 9 })).entries).toEqual([]);
  for (const key of ['file-link', 'dir-link/secret', 'dir-link/new', 'dir-link/deep/new']) {
    await ufs.delete(key, { headers: [] });
    await putObject(ufs, key, 'written');
    expect(await textAt(ufs, key)).toBe('written');
  }
  expect(await readdir(outside)).toEqual(['secret']);
  expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('secret');
});

it('follows links to files inside, but not into the hidden area', async () => {
  const { ufs, directory } = await opened();
  await putObject(ufs, 'real/file', 'content');
  await putObject(ufs, 'odd/', 'odd');
  await symlink('real/file', join(directory, 'link'));
  await symlink(join(directory, '.forebay/odd.db'), join(directory, 'link-to-hidden'));
  await symlink('real', join(directory, 'link-to-directory'));
  expect(await textAt(ufs, 'link')).toBe('content');
  expect(await keysOf(ufs)).toEqual(['link', 'odd/', 'real/file']);
  await expectAbsent(ufs, 'link-to-hidden');
  await ufs.delete('link', { headers: [] });
  expect(await textAt(ufs, 'real/file')).toBe('content');
});

it('leaves out sockets, pipes, and directories without a file', async () => {
  const { ufs, directory } = await opened();
  await mkdir(join(directory, 'empty/deep'), { recursive: true });
  await mkdir(join(directory, 'special'));
  execFileSync('mkfifo', [join(directory, 'special/pipe')]);
  const server = createServer().listen(join(directory, 'special/socket'));
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  expect(await keysOf(ufs)).toEqual([]);
  expect(await keysOf(ufs, '/')).toEqual([]);
  for (const key of ['special/pipe', 'special/socket', 'empty']) await expectAbsent(ufs, key);
  await writeFile(join(directory, 'empty/deep/file'), '');
  expect(await keysOf(ufs, '/')).toEqual(['empty/']);
});
