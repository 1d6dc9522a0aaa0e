/** What of a log is replayed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readAccessLog } from './access-log.ts';

const directory = mkdtempSync(join(tmpdir(), 'forebay-access-log-'));
afterAll(() => rmSync(directory, { recursive: true }));

function read(lines: readonly (object | string)[]) {
  const file = join(directory, 'log');
  const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  writeFileSync(file, texts.join('\n'));
  return readAccessLog(file);
}

const entry = {
  time: '2026-11-28T10:00:01.000Z',
  op: 'GetObject',
  method: 'GET',
  bucket: 'lake',
  key: 'a b',
  status: 200,
  bytes: 10,
  ms: 250,
  msg: 'request',
};

it('takes reads in the order in which they came in, from the first on', async () => {
  const { reads } = await read([
    { ...entry, key: 'late', time: '2026-11-28T10:00:02.000Z', ms: 100 },
    // Ended last, and came first.
    { ...entry, key: 'slow', time: '2026-11-28T10:00:03.000Z', ms: 2500, status: 206, range: 'bytes=0-9' },
    { ...entry, key: 'head', op: 'HeadObject', method: 'HEAD' },
  ]);
  expect(reads).toEqual([
    { method: 'GET', bucket: 'lake', key: 'slow', range: 'bytes=0-9', atMs: 0 },
    { method: 'HEAD', bucket: 'lake', key: 'head', atMs: 250 },
    { method: 'GET', bucket: 'lake', key: 'late', atMs: 1400 },
  ]);
});

it('passes over what cannot be sent again, and counts it', async () => {
  const { reads, passedOver } = await read([
    entry,
    { ...entry, op: 'PutObject', method: 'PUT' },
    { ...entry, op: 'ListObjectsV2', key: undefined },
    { ...entry, status: 404 },
    { ...entry, time: undefined },
  ]);
  expect([reads.length, passedOver]).toEqual([1, 4]);
});

it('finds the access log between other lines', async () => {
  const { reads, passedOver } = await read([
    '',
    'Forebay is ready',
    '{"level":"info","msg":"re',
    { level: 'info', msg: 'ready' },
    entry,
  ]);
  expect([reads.length, passedOver]).toEqual([1, 0]);
});

it('says where there is no such file', async () => {
  await expect(readAccessLog(join(directory, 'none'))).rejects.toThrow('ENOENT');
});
