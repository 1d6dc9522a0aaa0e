import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { collectKeys } from '../local/listing.ts';
import type { UfsListRequest } from '../ufs.ts';
import { Layout } from './layout.ts';
import { type RealDirectory, RealTree } from './real-directory.ts';
import { TreeCursor } from './tree-cursor.ts';

/** Notes which directories a listing opens. */
class WatchedTree extends RealTree {
  readonly opened: string[] = [];

  override open(segments: readonly string[]): Promise<RealDirectory | undefined> {
    this.opened.push(`${segments.join('/')}/`);
    return super.open(segments);
  }
}

async function listed(keys: readonly string[], request: Partial<UfsListRequest>) {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-tree-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const key of keys) {
    await mkdir(join(directory, dirname(key)), { recursive: true });
    await writeFile(join(directory, key), '');
  }
  const tree = new WatchedTree(directory);
  const scan = { prefix: request.prefix ?? '', delimiter: request.delimiter };
  const cursor = new TreeCursor(new Layout(directory), tree, scan);
  const found = await collectKeys(cursor, { maxKeys: 1000, ...scan, ...request });
  return { texts: found.listed.map(({ text }) => text), opened: tree.opened };
}

const keys = ['a/1', 'a/2', 'b/x/1', 'b/x/2', 'b/y/1', 'c/1', 'd/1'];

it('opens only the directory that the prefix names, and those below it', async () => {
  const { texts, opened } = await listed(keys, { prefix: 'b/x/' });
  expect(texts).toEqual(['b/x/1', 'b/x/2']);
  expect(opened).toEqual(['b/x/']);
});

it('opens no directory before start-after', async () => {
  const { texts, opened } = await listed(keys, { startAfter: 'b/x/2' });
  expect(texts).toEqual(['b/y/1', 'c/1', 'd/1']);
  expect(opened).toEqual(['/', 'b/', 'b/x/', 'b/y/', 'c/', 'd/']);
});

it('opens no directory after the page is full', async () => {
  const { texts, opened } = await listed(keys, { maxKeys: 1 });
  expect(texts).toEqual(['a/1']);
  expect(opened).toEqual(['/', 'a/']);
});

it('looks into a group only as far as its first key', async () => {
  const { texts, opened } = await listed(keys, { delimiter: '/' });
  expect(texts).toEqual(['a/', 'b/', 'c/', 'd/']);
  expect(opened.filter((path) => path.startsWith('b/'))).toHaveLength(2);
});

it('opens nothing for a prefix that no directory can have', async () => {
  for (const prefix of ['../', 'a//', '/', '.forebay/', 'a/./']) {
    const { texts, opened } = await listed(keys, { prefix });
    expect([texts, opened]).toEqual([[], []]);
  }
});
