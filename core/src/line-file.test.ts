import { execFileSync } from 'node:child_process';
import { constants, existsSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LineFile } from './line-file.ts';

let folder: string;
let dropped: number;
const troubles: string[] = [];
const lineFile = (path: string) =>
  new LineFile({
    ...{ path, queueBytesMax: 64 * 1024 },
    onDropped: (lines) => {
      dropped += lines;
    },
    onTrouble: (reason) => troubles.push(reason),
  });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forebay-lines-'));
  dropped = 0;
  troubles.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function untilHas(path: string, text: string): Promise<void> {
  while (!existsSync(path) || readFileSync(path, 'utf8') !== text) await wait(5);
}

it('writes each line once, into the file that has the name', async () => {
  const path = join(folder, 'access.log');
  const lines = lineFile(path);
  lines.write('one\n');
  renameSync(path, `${path}.1`);
  lines.write('two\n');
  lines.look();
  lines.write('three\n');
  await untilHas(`${path}.1`, 'one\ntwo\n');
  lines.close();
  await untilHas(path, 'three\n');
  const again = lineFile(path);
  again.write('four\n');
  again.close();
  await untilHas(path, 'three\nfour\n');
  expect([dropped, troubles]).toEqual([0, []]);
});

it('finds by itself that it was moved', async () => {
  const path = join(folder, 'access.log');
  const lines = lineFile(path);
  rmSync(path);
  while (!existsSync(path)) await wait(20);
  lines.close();
});

it('drops and counts what a reader that reads nothing leaves no room for, and waits for nothing', () => {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const lines = lineFile(path);
  const line = `${'x'.repeat(999)}\n`;
  for (let count = 0; count < 1000; count += 1) lines.write(line);
  // Some wait to be gathered, 64 KiB are in the queue; the pipe has taken none of them yet.
  expect(dropped).toBeGreaterThan(800);
  expect(dropped).toBeLessThan(1000);
  lines.close();
});

it('says at once that a file cannot be opened, and tells of one that cannot be made anew', () => {
  expect(() => lineFile(join(folder, 'none', 'access.log'))).toThrow('ENOENT');
  const path = join(folder, 'logs');
  const lines = lineFile(path);
  rmSync(folder, { recursive: true });
  lines.look();
  expect(troubles.join()).toContain('ENOENT');
  lines.close();
});
