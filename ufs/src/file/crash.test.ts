/** A writer killed at any instant leaves the old object with its metadata, or the new one with its own. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { headerValue } from '@forebay/core/object';
import { expect, it, onTestFinished } from 'vitest';
import { textAt } from '../contract/support.ts';
import { openFileUfs } from './open.ts';

// Every put is told to the parent once it has succeeded, so what the parent knows must be there after the
// kill.
const writer = `
  const { openFileUfs } = await import(process.argv[1]);
  const ufs = await openFileUfs({ directory: process.argv[2] });
  for (let n = Number(process.argv[3]); ; n += 1) {
    for (const key of ['plain/object', 'odd//object']) {
      const content = Buffer.from(String(n).repeat(1 + (n % 50)));
      const headers = [['x-amz-meta-n', String(n)]];
      const body = (async function* () { yield content })();
      await ufs.put(key, { sizeBytes: content.length, body, headers });
      process.stdout.write(key + ' ' + n + '\\n');
    }
  }
`;

it('is whole after every kill', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-crash-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const acknowledged = new Map<string, number>();
  let last = 0;
  for (const puts of [3, 10, 25]) {
    const module = new URL('./open.ts', import.meta.url).href;
    const args = ['--input-type=module', '-e', writer, module, directory, String(last + 1)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    let lines = 0;
    child.stdout.setEncoding('utf8').on('data', (data: string) => {
      text += data;
      lines += data.split('\n').length - 1;
      if (lines >= puts) child.kill('SIGKILL');
    });
    await once(child, 'close');
    for (const line of text.split('\n').slice(0, -1)) {
      const [key, n] = line.split(' ');
      acknowledged.set(key!, Number(n));
    }
    expect(lines).toBeGreaterThanOrEqual(puts);

    const ufs = await openFileUfs({ directory });
    for (const [key, known] of acknowledged) {
      const info = await ufs.head(key);
      const n = Number(headerValue(info.headers, 'x-amz-meta-n'));
      const content = String(n).repeat(1 + (n % 50));
      expect(n).toBeGreaterThanOrEqual(known);
      expect(await textAt(ufs, key)).toBe(content);
      expect(info.etag).toBe(`"${createHash('md5').update(content).digest('hex')}"`);
      last = Math.max(last, n);
    }
    const { entries } = await ufs.list({ prefix: '', maxKeys: 10 });
    expect(entries.map(({ key }) => key)).toEqual(['odd//object', 'plain/object']);
    await ufs.close();
  }
}, 60_000);
