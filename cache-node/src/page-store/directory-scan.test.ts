/** The files that are found on a disk whose journal is lost. */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { BufferPool } from '../buffers/buffer-pool.ts';
import { DirectoryFiles } from './directory-files.ts';
import { DirectoryLayout, diskBytesOf, folderBytes } from './directory-layout.ts';
import { countUnknown, scanDirectory } from './directory-scan.ts';
import { DiskBudget } from './disk-budget.ts';
import { blockKinds, blockOf, rowBytes, writeMark } from './journal-format.ts';
import type { PageStore } from './page-store.ts';
import { PageTable } from './page-table.ts';
import { ScopeNames } from './scope-names.ts';
import { lakeObject, openTestStore } from './testing/test-store.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const pageCount = 30;
const set = '0123456789abcdef0123456789abcdef';

const of = lakeObject({ path: `lake/${'a'.repeat(1000)}`, sizeBytes: pageCount * MiB });

/** A directory with page files of many lengths, as its process left it. */
async function leftDirectory(): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'forebay-scan-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const store = await openedStore(root);
  for (let index = 0; index < pageCount; index += 1) {
    expect(await store.put({ set, index }, Buffer.alloc(200 * KiB + 1111 * index, index), of)).toBe(true);
  }
  await store.close();
  return root;
}

function openedStore(root: string, onFound: () => void = () => {}): Promise<PageStore> {
  const directories = [{ path: root, sizeBytesMax: 100 * MiB }];
  return openTestStore({ directories, diskWriteQueueBytesMax: 100 * MiB, onFound });
}

function opened(root: string, sizeBytesMax: number): DirectoryFiles {
  const shared = {
    table: new PageTable(),
    scopes: new ScopeNames(),
    buffers: new BufferPool({ keptBytesMax: 0 }),
    openFilesMax: 10,
  };
  const [layout, budget] = [new DirectoryLayout(root), new DiskBudget(sizeBytesMax)];
  return new DirectoryFiles(shared, { number: 0, layout, budget, onError: () => {} });
}

function pageBytesOnDisk({ layout }: DirectoryFiles): number {
  const found = readdirSync(layout.pages, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  return found.reduce(
    (sum, { parentPath, name }) => sum + diskBytesOf(statSync(join(parentPath, name)).size),
    0,
  );
}

const nothing = { pack: 0, packBytes: 0, folder: 0 };
const onUnreadable = (error: unknown) => {
  throw error;
};

it('are counted before they are known, and in the end just what they take', async () => {
  const files = opened(await leftDirectory(), 100 * MiB);
  writeFileSync(join(files.layout.folder(1), 'none of ours'), 'x');
  writeFileSync(join(files.layout.folder(1), `${set}-99-${MiB}`), 'torn');
  const found = await files.files.list();
  const folders = await countUnknown(files, { mark: nothing, folders: found });
  const pages = () => files.budget.bytes - found.length * folderBytes;
  expect(pages()).toBeGreaterThanOrEqual(pageBytesOnDisk(files));
  expect(await scanDirectory(files, { mark: nothing, packs: [], folders, onUnreadable })).toBe(pageCount);
  expect(files.table.pageCount).toBe(pageCount);
  expect(pages()).toBe(pageBytesOnDisk(files));
});

it('go where the size is smaller by now', async () => {
  const files = opened(await leftDirectory(), 5 * MiB);
  const found = await files.files.list();
  const folders = await countUnknown(files, { mark: nothing, folders: found });
  expect(files.budget.tryTake(1)).toBe(false);
  const kept = await scanDirectory(files, { mark: nothing, packs: [], folders, onUnreadable });
  expect(files.table.pageCount).toBe(kept);
  expect(kept).toBeGreaterThan(10);
  expect(files.budget.bytes - found.length * folderBytes).toBe(pageBytesOnDisk(files));
  expect(files.budget.bytes).toBeLessThanOrEqual(5 * MiB);
});

it('are found again where the journal is of another build', async () => {
  const root = await leftDirectory();
  const layout = new DirectoryLayout(root);
  for (const name of readdirSync(layout.journal)) rmSync(join(layout.journal, name));
  const mark = Buffer.alloc(rowBytes);
  writeMark(mark, 0, { pack: 99, packBytes: 0, folder: 99 });
  const unknown = blockOf(5, Buffer.alloc(56));
  const end = blockOf(blockKinds.end, Buffer.alloc(0));
  writeFileSync(layout.snapshot(1), Buffer.concat([unknown, blockOf(blockKinds.rows, mark), end]));
  const onFound = vi.fn();
  const store = await openedStore(root, onFound);
  onTestFinished(() => store.close());
  await vi.waitFor(() => {
    for (let index = 0; index < pageCount; index += 1) expect(store.has({ set, index })).toBe(true);
  });
  expect(onFound).toHaveBeenCalledTimes(1);
  // And once, not at each start.
  await vi.waitFor(() => expect(readdirSync(layout.journal)).not.toContain('00000001.snapshot'), 20_000);
});
