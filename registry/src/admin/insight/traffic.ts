/** What is hot, what was slow and why, and the latest log lines, in the admin API. */
import type { TailedLine } from '@forebay/core/log-tail';
import type { TopName } from '@forebay/core/top-names';
import type { SlowRequest, TrafficReport } from '@forebay/core/traffic';
import type { Hono } from 'hono';
import { AdminError } from '../admin-error.ts';

/** Left out: not known, or none. */
export interface SlowView {
  readonly id: string;
  /** Of a request that was traced. */
  readonly trace?: string;
  readonly at: string;
  readonly operation: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly range?: string;
  readonly status: number;
  readonly code?: string;
  readonly cache?: string;
  readonly bytes: number;
  readonly durationMs: number;
  /** Until the answer began. */
  readonly waitMs: number;
  /** Who answered it, in a cluster. */
  readonly gateway?: string;
  /** Sentences for people: where the time went. */
  readonly reasons: readonly string[];
}

export interface HotView {
  readonly objects: readonly TopName[];
  readonly prefixes: readonly TopName[];
}

export interface LogLineView {
  /** Node, gateway or registry of a cluster; left out where there is one process, with its workers. */
  readonly member?: string;
  readonly pid: number;
  /** Of the process, without gaps. */
  readonly number: number;
  readonly time: string;
  readonly level: string;
  readonly message: string;
  /** All else that the line says. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface LogsView {
  /** The oldest first. */
  readonly lines: readonly LogLineView[];
  /** What to ask with for lines that come after these. */
  readonly next: string;
}

export interface ProcessLines {
  readonly member?: string | undefined;
  readonly pid: number;
  readonly lines: readonly TailedLine[];
}

export interface Traffic {
  traffic(): Promise<TrafficReport>;
  /** Lines behind these numbers, by `processName`. */
  logs(after: Readonly<Record<string, number>>): Promise<readonly ProcessLines[]>;
}

const slowMax = 100;
/** It is a part of an address; of some two hundred processes. */
const cursorCharactersMax = 8_000;
const linesMax = 2_000;

export function trafficRoutes(app: Hono, traffic: Traffic): void {
  app.get('/api/v1/hot', async (c) => {
    const { objects, prefixes } = await traffic.traffic();
    const view: HotView = { objects, prefixes };
    return c.json(view);
  });
  app.get('/api/v1/slow', async (c) => {
    const { slow } = await traffic.traffic();
    return c.json(slow.slice(0, slowMax).map(slowView));
  });
  app.get('/api/v1/logs', async (c) => {
    const after = cursorOf(c.req.query('after') ?? '');
    return c.json(logsView(await traffic.logs(after), after));
  });
}

export function slowView(request: SlowRequest): SlowView {
  const { trace, bucket, key, range, code, cache, atMs, gateway, ...rest } = request;
  const { id, operation, status, bytes } = rest;
  return {
    ...{ id, operation, status, bytes },
    at: new Date(atMs).toISOString(),
    durationMs: Math.round(rest.durationMs * 10) / 10,
    waitMs: Math.round(rest.waitMs * 10) / 10,
    ...(trace !== undefined && { trace }),
    ...(bucket !== undefined && { bucket }),
    ...(key !== undefined && { key }),
    ...(range !== undefined && { range }),
    ...(code !== undefined && { code }),
    ...(cache !== undefined && { cache }),
    ...(gateway !== undefined && { gateway }),
    reasons: reasonsOf(request),
  };
}

const byCache: Readonly<Record<string, string>> = {
  MISS: 'it was not cached: the UFS had to answer first',
  PARTIAL: 'only a part was cached: the rest came from the UFS',
  COALESCED: 'it waited for what another request was reading from the UFS',
  REVALIDATED: 'its info had run out: the UFS was asked whether it is still true',
  BYPASS: 'it is never cached, and came from the UFS',
  STALE: 'the UFS was asked in vain first, then the cached info was used',
  HIT: 'all of it was cached',
};

function reasonsOf({
  cache,
  status,
  code,
  waitMs,
  durationMs,
  bytes,
  end,
  operation,
}: SlowRequest): string[] {
  const sendMs = durationMs - waitMs;
  const rate = `${(bytes / 2 ** 20 / Math.max(0.001, sendMs / 1000)).toFixed(1)} MiB/s`;
  const isRead = cache !== undefined;
  return [
    ...(status === 503
      ? [`it was refused (${code ?? '503'}): the UFS does not answer, or there is too much to do`]
      : []),
    ...(status >= 400 && status !== 503 && code !== undefined ? [`it ended with ${code}`] : []),
    isRead ? (byCache[cache] ?? '') : `${operation} is the UFS's own to answer`,
    ...(waitMs > sendMs ? [`most of the time went by before the answer began`] : []),
    ...(bytes > 0 && sendMs >= waitMs ? [`most of the time went into its bytes, at ${rate}`] : []),
    ...(cache === 'HIT' && sendMs > waitMs ? ['the client, or the network to it, took no more'] : []),
    ...(end === 'cut' ? ['the connection was cut: the rest could not be had'] : []),
    ...(end === 'client-gone' ? ['the client left before the end'] : []),
  ].filter((reason) => reason !== '');
}

export function processName({ member, pid }: Pick<ProcessLines, 'member' | 'pid'>): string {
  return member === undefined ? String(pid) : `${member}/${pid}`;
}

/** `12:500,node-1/13:20`: behind line 500 of process 12 and line 20 of another one's. @throws AdminError */
function cursorOf(text: string): Record<string, number> {
  if (text === '') return {};
  const pairs = text.split(',').map((pair) => /^((?:[\w.-]+\/)?\d+):(\d+)$/.exec(pair) ?? []);
  if (text.length > cursorCharactersMax || pairs.some(({ length }) => length === 0)) {
    throw new AdminError('BadRequest', 'after is what the last answer had as next');
  }
  return Object.fromEntries(pairs.map(([, name = '', number]) => [name, Number(number)]));
}

/** A process that did not answer this time goes on where it was. */
function logsView(processes: readonly ProcessLines[], after: Readonly<Record<string, number>>): LogsView {
  const lines = processes.flatMap((process) => process.lines.map((line) => lineView(process, line)));
  const told = processes.flatMap((process) => {
    const last = process.lines.at(-1)?.number;
    return last === undefined ? [] : [[processName(process), last] as const];
  });
  lines.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.number - b.number));
  return { lines: lines.slice(-linesMax), next: cursorText(after, told) };
}

/** Where there is no room for all, those that had nothing to tell are left out: they begin anew. */
function cursorText(
  after: Readonly<Record<string, number>>,
  told: readonly (readonly [name: string, number: number])[],
): string {
  const numbers = new Map(told);
  for (const [name, number] of Object.entries(after)) if (!numbers.has(name)) numbers.set(name, number);
  const pairs = [...numbers].map(([name, number]) => `${name}:${number}`);
  while (pairs.join(',').length > cursorCharactersMax) pairs.pop();
  return pairs.join(',');
}

function lineView({ member, pid }: ProcessLines, { number, text }: TailedLine): LogLineView {
  const { level = '', time = '', msg = text, ...fields } = parsed(text);
  const from = { ...(member !== undefined && { member }), pid };
  return {
    ...{ ...from, number, time: String(time), level: String(level) },
    ...{ message: String(msg), fields },
  };
}

/** Nothing of a line that was cut: it is shown as it is. */
function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
