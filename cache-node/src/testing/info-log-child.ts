/**
 * A process that puts and drops on an info log until it is killed. What it is about to do and what it has
 * done is in the file before it goes on, a line each. Arguments: directory, file, seed.
 */
import { openSync, writeSync } from 'node:fs';
import { systemClock } from '@forebay/core/clock';
import { silentLog } from '@forebay/core/log';
import { InfoLog } from '../info-log/info-log.ts';
import { Steps } from './steps.ts';

const [directory, path, seed] = process.argv.slice(2);
const steps = new Steps(Number(seed));
const log = new InfoLog({
  directory: directory!,
  sizeBytesMax: 2 * 1024 * 1024,
  replayBytesMax: 256 * 1024,
  ttlMs: 0,
  clock: systemClock,
  log: silentLog,
  bootId: 'one boot',
});

const said = openSync(path!, 'w');

function say(line: string): void {
  writeSync(said, `${line}\n`);
}

function put(key: string, etag: string): void {
  const headers = [['x-amz-meta-padding', 'x'.repeat(steps.below(3000))]] as const;
  const info = { sizeBytes: 1, etag, lastModifiedMs: 0, versionId: undefined, headers, checksumsKnown: true };
  const sent = { sentAtMs: 1, sentAtWallMs: systemClock.wallMs(), tenure: 'tenure', stamp: 0 };
  log.put(key, '/lake', { content: { kind: 'object', info }, ...sent });
}

process.stdout.write('ready\n');
for (let number = 1; ; number += 1) {
  const key = `key-${steps.below(30)}`;
  const isPut = steps.random() < 0.7;
  const etag = isPut ? `"${seed}-${number}"` : '-';
  say(`begin ${key} ${etag}`);
  if (isPut) put(key, etag);
  else log.delete(key);
  say('end');
  // Lets the background work.
  if (number % 5 === 0) await new Promise(setImmediate);
}
