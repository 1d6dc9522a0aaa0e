import { describe, expect, it } from 'vitest';
import { type Cancel, firstOf, type HedgeResult, Hedger } from './hedger.ts';
import { bytesOf, errorOf, openStore, type RawRequest, reply } from './testing/raw-server.ts';

const limits = { share: 0.1, delayMinMs: 50, factor: 2 };

function learnt(tookMs: number, options = limits): Hedger {
  const hedger = new Hedger(options);
  for (let turn = 0; turn < 64; turn += 1) hedger.took('get', tookMs);
  return hedger;
}

describe('a second request', () => {
  it('follows after the 95th percentile of late, times a factor, and never before its least time', () => {
    expect(learnt(5).first('get')).toBe(50);
    expect(learnt(100).first('get')).toBe(200);
    const mixed = new Hedger(limits);
    for (let turn = 0; turn < 320; turn += 1) mixed.took('get', turn % 10 === 0 ? 1_000 : 10);
    expect(mixed.first('get')).toBe(2_000);
  });

  it('follows where times change by the recent ones, and of the same kind alone', () => {
    const hedger = learnt(1_000);
    for (let turn = 0; turn < 256; turn += 1) hedger.took('get', 30);
    expect([hedger.first('get'), hedger.first('head')]).toEqual([60, undefined]);
  });

  it('does not follow before enough is known, nor where it is turned off', () => {
    expect(new Hedger(limits).first('get')).toBeUndefined();
    expect(learnt(5, { ...limits, share: 0 }).first('get')).toBeUndefined();
  });

  it('follows no more than its share of the first ones', () => {
    const hedger = learnt(5);
    let second = 0;
    for (let turn = 0; turn < 1_000; turn += 1) {
      hedger.first('get');
      if (hedger.takeSecond()) second += 1;
    }
    expect(second).toBeGreaterThan(90);
    expect(second).toBeLessThanOrEqual(100);
    for (let turn = 0; turn < 10_000; turn += 1) hedger.first('get');
    let burst = 0;
    while (hedger.takeSecond()) burst += 1;
    expect(burst).toBe(8);
  });
});

describe('the first of two', () => {
  function race(maySend = true) {
    const sent: { cancel: Cancel; answer(text: string): void; fail(error: Error): void }[] = [];
    const results: HedgeResult[] = [];
    const closed: string[] = [];
    const both = Promise.withResolvers<void>();
    const answer = firstOf<string>({
      delayMs: 0,
      maySend: () => maySend,
      send: (cancel) => {
        const made = Promise.withResolvers<string>();
        sent.push({ cancel, answer: made.resolve, fail: made.reject });
        if (sent.length === 2) both.resolve();
        return made.promise;
      },
      close: (late) => void closed.push(late),
      isAnswer: (error) => (error as Error).message === 'not found',
      onResult: (result) => void results.push(result),
    });
    answer.catch(() => {});
    return { answer, sent, results, closed, both: both.promise };
  }

  it('is the second where that answers first, and what the first brings later is closed', async () => {
    const { answer, sent, results, closed, both } = race();
    await both;
    sent[1]!.answer('second');
    expect(await answer).toBe('second');
    expect([results, sent.map(({ cancel }) => cancel.cancelled)]).toEqual([['won'], [true, false]]);
    sent[0]!.answer('first');
    await Promise.resolve();
    await Promise.resolve();
    expect(closed).toEqual(['first']);
  });

  it('is the first where that answers after all', async () => {
    const { answer, sent, results, both } = race();
    await both;
    sent[0]!.answer('first');
    expect(await answer).toBe('first');
    expect([results, sent.map(({ cancel }) => cancel.cancelled)]).toEqual([['lost'], [false, true]]);
  });

  it('is also a refusal, as that is an answer', async () => {
    const { answer, sent, results, both } = race();
    await both;
    sent[1]!.fail(new Error('not found'));
    await expect(answer).rejects.toThrow('not found');
    expect(results).toEqual(['won']);
  });

  it('is not the one that fails, and where both do the first is told', async () => {
    const one = race();
    await one.both;
    one.sent[0]!.fail(new Error('reset'));
    one.sent[1]!.answer('second');
    expect([await one.answer, one.results]).toEqual(['second', ['won']]);
    const two = race();
    await two.both;
    two.sent[1]!.fail(new Error('reset too'));
    two.sent[0]!.fail(new Error('reset'));
    await expect(two.answer).rejects.toThrow(/^reset$/);
    expect(two.results).toEqual(['failed']);
  });

  it('is the first alone where no second may be sent', async () => {
    const { answer, sent, results } = race(false);
    await new Promise((resolve) => setTimeout(resolve, 5));
    sent[0]!.answer('first');
    expect([await answer, sent.length, results]).toEqual(['first', 1, []]);
  });
});

describe('a read of a store whose answer is late', () => {
  /** Answers at once, but for the requests that a test names. */
  async function openLate(isLate: (index: number) => boolean, hedges = true) {
    const late: RawRequest[] = [];
    const { ufs, server } = await openStore(
      (request) => {
        if (isLate(request.index)) late.push(request);
        else request.write(reply(200, 'quick', ['etag: "e"']));
      },
      { hedge: { share: 0.5, delayMinMs: 1, factor: 0 } },
    );
    const results: string[] = [];
    const used = ufs.usedBy({ hedges, onRetry: () => {}, onHedge: (result) => void results.push(result) });
    for (let turn = 0; turn < 32; turn += 1) await bytesOf((await used.get('k')).body);
    return { used, server, late, results };
  }

  it('is sent a second time, whose answer is used, and the first is given up', async () => {
    const { used, server, late, results } = await openLate((index) => index === 32);
    const { body } = await used.get('k', { range: { kind: 'span', start: 0, endExclusive: 5 } });
    expect(await bytesOf(body)).toBe('quick');
    const [first, second] = server.requests.slice(32);
    expect(results).toEqual(['won']);
    expect([second?.method, second?.target, second?.headers.range]).toEqual([
      first?.method,
      first?.target,
      first?.headers.range,
    ]);
    const { socket } = late[0]!;
    if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
    expect(await bytesOf((await used.get('k')).body)).toBe('quick');
  });

  it('is not sent a second time where the mount does not want it', async () => {
    const { used, server, late } = await openLate((index) => index === 32, false);
    const reading = used.get('k');
    while (late.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setTimeout(resolve, 10));
    late[0]!.write(reply(200, 'late', ['etag: "e"']));
    expect(await bytesOf((await reading).body)).toBe('late');
    expect(server.requests).toHaveLength(33);
  });

  it('by its signal gives up both', async () => {
    const { used, late } = await openLate((index) => index >= 32);
    const left = new AbortController();
    const reading = errorOf(used.get('k', { signal: left.signal }));
    while (late.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    left.abort(new Error('gone'));
    expect((await reading)?.message).toBe('gone');
    for (const { socket } of late) {
      if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
    }
  });
});
