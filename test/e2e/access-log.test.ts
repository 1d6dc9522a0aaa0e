/**
 * The access log of real processes: switched on at run time in every worker, one line per request, none lost
 * while the file is moved away.
 */
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { contentOf } from '../support/content.ts';
import { type ForebayProcess, startForebay } from '../support/forebay-process.ts';
import { metric } from '../support/metrics.ts';
import { tempDir } from '../support/temp.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

/** Each on a connection of its own: the system deals them out to the workers. */
const clientCount = 12;
let forebay: ForebayProcess;
let clients: WireClient[];
let file: string;

beforeAll(async () => {
  const directory = tempDir('access-log');
  mkdirSync(join(directory, 'lake'));
  file = join(directory, 'access.log');
  const mounts = [`/lake=file://${join(directory, 'lake')}?ttl=1h`];
  forebay = await startForebay({ mounts, flags: ['--workers', '2', '--access-log-file', file] });
  clients = Array.from({ length: clientCount }, () => new WireClient(forebay));
  await clients[0]!.send({ method: 'PUT', path: '/lake/a', body: contentOf(1, 5000) });
});
afterAll(async () => {
  for (const client of clients ?? []) client.close();
  await forebay?.remove();
});

async function set(key: string, value: string): Promise<void> {
  const pair = Buffer.from(`${forebay.accessKey}:${forebay.secretKey}`).toString('base64');
  const answer = await fetch(`${forebay.admin}/api/v1/settings/${key}`, {
    method: 'PUT',
    headers: { authorization: `Basic ${pair}`, 'content-type': 'application/json' },
    body: JSON.stringify({ value }),
  });
  expect(answer.status).toBe(200);
}

/** Reads `count` times with every client. @returns the ids of the requests */
async function read(count: number): Promise<string[]> {
  const ids = await Promise.all(
    clients.map(async (client) => {
      const own: string[] = [];
      for (let number = 0; number < count; number += 1) {
        const { headers } = await client.send({ path: number % 10 === 9 ? '/lake/none' : '/lake/a' });
        own.push(String(headers['x-amz-request-id']));
      }
      return own;
    }),
  );
  return ids.flat();
}

it('has each request once, also while the file is moved away', async () => {
  await read(2);
  expect(readFileSync(file, 'utf8')).toBe('');
  await set('accessLog', 'on');
  const early = await read(20);
  renameSync(file, `${file}.1`);
  // Until the processes see that, they write to the file that was moved.
  const amid: string[] = [];
  await until('lines come into the file that is made anew', async () => {
    amid.push(...(await read(10)));
    return existsSync(file) && readFileSync(file, 'utf8') !== '';
  });
  await set('accessLogFormat', 's3');
  const late = await read(20);
  const asked = [...early, ...amid, ...late].sort();
  const lines = await until('all lines are there', () => {
    const all = [`${file}.1`, file].flatMap((name) => readFileSync(name, 'utf8').trim().split('\n'));
    return all.length >= asked.length && all;
  });
  const ids = lines.map((line) => {
    if (!line.startsWith('{')) return line.split(' ')[6]!;
    return (JSON.parse(line) as { readonly id: string }).id;
  });
  expect(ids.sort()).toEqual(asked);
  expect(lines.filter((line) => line.includes(' REST.GET.OBJECT a '))).toHaveLength(18 * clientCount);
  expect(await metric(forebay, 'forebay_access_log_dropped_total')).toBe(0);
  await set('accessLog', 'off');
  await read(1);
  const { length } = readFileSync(file);
  expect((await forebay.stop()) ?? 0).toBe(0);
  expect(readFileSync(file)).toHaveLength(length);
});
