/**
 * Processes that are killed while they write an info log, one after another on the same files. What was
 * dropped before the kill is not there after it; what is there was put last. A failing run prints its seed;
 * FOREBAY_SEED replays it, FOREBAY_ROUNDS makes it longer.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@forebay/core/clock';
import { silentLog } from '@forebay/core/log';
import { expect, it } from 'vitest';
import { Steps } from '../testing/steps.ts';
import { InfoLog } from './info-log.ts';

const rounds = Number(process.env.FOREBAY_ROUNDS ?? 24);
const firstSeed = Number(process.env.FOREBAY_SEED ?? 1);
const lanes = 4;
const child = join(import.meta.dirname, '../testing/info-log-child.ts');

/** ETags that a key may show; `-`: none. Puts of the last moment may be lost, so `-` is always one. */
type Allowed = Map<string, ReadonlySet<string>>;

/** Lets a process work for so long, and kills it. @returns what it was about. */
async function workAndDie(directory: string, seed: number, liveMs: number): Promise<string[]> {
  const path = `${directory}-said`;
  const worker = spawn(process.execPath, [child, directory, path, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(worker, 'exit');
  await Promise.race([once(worker.stdout, 'data'), ended]);
  // Any instant is as good as another.
  setTimeout(() => worker.kill('SIGKILL'), liveMs);
  await ended;
  expect(worker.signalCode).toBe('SIGKILL');
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
}

function learn(allowed: Allowed, lines: readonly string[]): void {
  for (const [at, line] of lines.entries()) {
    const [word, key, etag] = line.split(' ');
    if (word !== 'begin') continue;
    const isDone = lines[at + 1] === 'end';
    const before = isDone ? [] : (allowed.get(key!) ?? []);
    allowed.set(key!, new Set(['-', etag!, ...before]));
  }
}

/** @returns what is wrong. */
function look(directory: string, allowed: Allowed): string[] {
  const options = { directory, sizeBytesMax: 2 * 1024 * 1024, replayBytesMax: 256 * 1024, ttlMs: 0 };
  const log = new InfoLog({ ...options, clock: systemClock, log: silentLog, bootId: 'one boot' });
  const wrong: string[] = [];
  for (const [key, etags] of allowed) {
    const known = log.get(key, '/lake');
    const etag = known?.content.kind === 'object' ? known.content.info.etag! : '-';
    if (!etags.has(etag)) wrong.push(`${key} is ${etag} and not ${[...etags].join(' or ')}`);
    if (known?.isDoubtful) wrong.push(`${key} is doubtful`);
    allowed.set(key, new Set([etag]));
  }
  log.close();
  return wrong;
}

async function killAgainAndAgain(seed: number, directory: string): Promise<void> {
  const steps = new Steps(seed);
  const allowed: Allowed = new Map();
  for (let round = 0; round < rounds / lanes; round += 1) {
    const lines = await workAndDie(directory, seed * 1000 + round, steps.below(80));
    // It is the next process that finds what this one left.
    learn(allowed, lines);
    expect(look(directory, allowed), `seed ${seed}, round ${round}`).toEqual([]);
  }
}

it('never brings back what was dropped, whenever the process is killed', async () => {
  const root = mkdtempSync(join(tmpdir(), 'forebay-info-kill-'));
  try {
    const seeds = Array.from({ length: lanes }, (_, lane) => firstSeed + lane);
    await Promise.all(seeds.map((seed) => killAgainAndAgain(seed, join(root, String(seed)))));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
