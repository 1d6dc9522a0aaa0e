import { KeyLocks } from '@forebay/ufs/local/key-locks';
import { describe, expect, it } from 'vitest';
import type { ToOwner, ToWorker } from './messages.ts';
import { AskedLocks, LentLocks } from './shared-locks.ts';

/** A worker's locks as its directories use them, and the end of the worker. */
function workerOf(lent: LentLocks) {
  const ended = Promise.withResolvers<string>();
  const worker = {
    ended: ended.promise,
    send: (message: ToWorker) => void (message.kind === 'locked' && asked.granted(message.id)),
  };
  const asked = new AskedLocks((message: ToOwner) => {
    if (message.kind === 'lock') lent.lend(worker, message.id, message.name);
    if (message.kind === 'unlock') lent.takeBack(worker, message.id);
  });
  const locks = new KeyLocks();
  locks.shareBy(asked.take);
  return { locks, end: () => ended.resolve('signal SIGKILL') };
}

describe('locks that an owner lends its workers', () => {
  it('let one writer at a time have a name, in order, and others meanwhile', async () => {
    const lent = new LentLocks(new KeyLocks());
    const [one, other] = [workerOf(lent), workerOf(lent)];
    const done: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = one.locks.run('a', () => gate.promise.then(() => void done.push('first')));
    const second = other.locks.run('a', async () => void done.push('second'));
    await other.locks.run('b', async () => void done.push('of another name'));
    gate.resolve();
    await Promise.all([first, second]);
    expect(done).toEqual(['of another name', 'first', 'second']);
  });

  it('are free again when what was done failed, or its worker has ended', async () => {
    const lent = new LentLocks(new KeyLocks());
    const [one, other] = [workerOf(lent), workerOf(lent)];
    await expect(one.locks.run('a', () => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
    void one.locks.run('a', () => new Promise(() => {}));
    void one.locks.run('a', () => new Promise(() => {}));
    const after = other.locks.run('a', async () => 'done');
    one.end();
    expect(await after).toBe('done');
  });
});
