import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { coordinationContract } from './coordination.contract.ts';
import { SqliteCoordination } from './sqlite-coordination.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-coordination-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = () => SqliteCoordination.open(join(directory, 'registry.sqlite'));
coordinationContract('a file', open);

it('a file of an earlier process gives the lock at once, with a higher number, and its records', async () => {
  const holder = { token: 'a', address: '127.0.0.1:1' };
  const before = await open();
  const first = (await before.acquire(holder, 60_000))!;
  await before.write(first, 'a', '1');
  await before.close();
  const after = await open();
  expect((await after.acquire(holder, 60_000))?.fencing).toBeGreaterThan(first.fencing);
  expect(await after.read('a')).toBe('1');
  await after.close();
});
