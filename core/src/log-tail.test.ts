import { openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createLog, tailOf } from './log.ts';
import { LogTail } from './log-tail.ts';

it('tells the lines behind a number, and of old ones no more than it keeps', () => {
  const tail = new LogTail();
  for (let line = 1; line <= 1200; line += 1) tail.add(`line ${line}\n`);
  expect(tail.after(1198)).toEqual([
    { number: 1199, text: 'line 1199' },
    { number: 1200, text: 'line 1200' },
  ]);
  expect(tail.after(1200)).toEqual([]);
  const kept = tail.after(0);
  expect(kept).toHaveLength(500);
  expect(kept[0]).toEqual({ number: 701, text: 'line 701' });
});

it('goes on from above the numbers of an earlier process', () => {
  const [earlier, later] = [new LogTail(1_000), new LogTail(61_000)];
  earlier.add('a\n');
  later.add('b\n');
  expect(earlier.after(0)).toEqual([{ number: 1001, text: 'a' }]);
  expect(later.after(1001)).toEqual([{ number: 61_001, text: 'b' }]);
  expect(later.after(61_001)).toEqual([]);
});

it('has what a log wrote, and nothing below its level', () => {
  const log = createLog({ level: 'info', destination: openSync('/dev/null', 'w') });
  log.debug('not this');
  log.info({ key: 'k' }, 'this');
  const [line, ...others] = tailOf(log)!.after(0);
  expect(others).toEqual([]);
  expect(JSON.parse(line!.text)).toMatchObject({ level: 'info', key: 'k', msg: 'this' });
});
