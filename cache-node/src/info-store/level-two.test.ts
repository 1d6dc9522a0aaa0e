/** When the info log has what is put, and what becomes of puts that wait. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { silentLog } from '@forebay/core/log';
import { expect, it } from 'vitest';
import type { InfoLog } from '../info-log/info-log.ts';
import { TestClock } from '../testing/kit.ts';
import { LevelTwo } from './level-two.ts';
import type { InfoRecord } from './record.ts';

const record = {} as InfoRecord;

/** A log that tells what it was asked. `bad` can be neither put nor deleted. */
function opened() {
  const asked: string[] = [];
  const told =
    (what: string) =>
    (key = '') => {
      asked.push(`${what} ${key}`.trim());
      if (key === 'bad') throw new Error('no room');
    };
  const calls = { put: told('put'), get: told('get'), delete: told('delete'), reset: told('reset') };
  const log = { ...calls, count: 0, close: () => {} } as unknown as InfoLog;
  const levelTwo = new LevelTwo({
    open: () => log,
    clock: new TestClock(),
    log: silentLog,
    endTenure: () => {},
  });
  return { levelTwo, asked };
}

it('has what is put when the tick is over, in the order in which it was put', async () => {
  const { levelTwo, asked } = opened();
  for (const key of ['a', 'b', 'a']) levelTwo.put(key, '', record);
  expect(asked).toEqual([]);
  await nextTurn();
  expect(asked).toEqual(['put a', 'put b', 'put a']);
});

it('has it before anything else is asked, and where that must not wait', () => {
  const { levelTwo, asked } = opened();
  levelTwo.put('a', '', record);
  levelTwo.get('b', '');
  levelTwo.put('c', '', record);
  levelTwo.delete('c');
  levelTwo.put('d', '', record);
  levelTwo.write();
  expect(asked).toEqual(['put a', 'get b', 'put c', 'delete c', 'put d']);
  levelTwo.put('e', '', record);
  levelTwo.close();
  expect(asked.at(-1)).toBe('put e');
});

it('takes nothing of before into a log that is begun anew', () => {
  const { levelTwo, asked } = opened();
  for (const key of ['a', 'bad', 'b']) levelTwo.put(key, '', record);
  levelTwo.write();
  // It could not forget `bad`.
  expect(asked.at(-1)).toBe('reset');
});
