import type { SlowRequest } from '@forebay/core/traffic';
import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { type LogsView, type ProcessLines, slowView, trafficRoutes } from './traffic.ts';

const request: SlowRequest = {
  ...{
    id: 'A1',
    trace: undefined,
    atMs: 0,
    operation: 'GetObject',
    bucket: 'lake',
    key: 'k',
    range: undefined,
  },
  ...{ status: 200, code: undefined, cache: 'MISS', bytes: 2 ** 20, durationMs: 1000, waitMs: 900 },
  end: 'whole',
};

it.each([
  ['a miss', {}, 'the UFS had to answer first'],
  ['a long wait', {}, 'before the answer began'],
  ['a slow client', { cache: 'HIT', waitMs: 1 }, 'the client, or the network to it'],
  ['a slow body', { waitMs: 0 }, 'at 1.0 MiB/s'],
  ['a write', { cache: undefined, operation: 'PutObject' }, "PutObject is the UFS's own to answer"],
  ['a refusal', { status: 503, code: 'SlowDown' }, 'refused (SlowDown)'],
  ['a cut', { end: 'cut' }, 'the connection was cut'],
] as const)('says why of %s', (_name, changes, reason) => {
  expect(slowView({ ...request, ...changes }).reasons.join('; ')).toContain(reason);
});

it('tells each log line once, of every process in turn of time', async () => {
  const written: Record<number, string[]> = { 7: [], 8: [] };
  const write = (pid: number, second: number, msg: string) =>
    written[pid]!.push(
      JSON.stringify({ level: 'info', time: `2026-01-01T00:00:0${second}Z`, msg, key: 'k' }),
    );
  const app = new Hono();
  trafficRoutes(app, {
    traffic: () => Promise.reject(new Error('not asked here')),
    logs: async (after) =>
      Object.entries(written).map(
        ([pid, lines]): ProcessLines => ({
          pid: Number(pid),
          lines: lines.map((text, at) => ({ number: at + 1, text })).slice(after[Number(pid)] ?? 0),
        }),
      ),
  });
  const read = async (after: string) =>
    (await (await app.request(`/api/v1/logs?after=${after}`)).json()) as LogsView;
  write(7, 3, 'third');
  write(8, 1, 'first');
  const all = await read('');
  expect(all.lines.map(({ message }) => message)).toEqual(['first', 'third']);
  expect(all.lines[0]).toMatchObject({ pid: 8, level: 'info', fields: { key: 'k' } });
  expect((await read(all.next)).lines).toEqual([]);
  write(8, 4, 'fourth');
  const later = await read(all.next);
  expect(later.lines.map(({ message }) => message)).toEqual(['fourth']);
  expect((await read(later.next)).lines).toEqual([]);
});
