import type { Clock } from '@forebay/core/clock';
import { describe, expect, it } from 'vitest';
import { CircuitBreaker, type Outcome } from './circuit-breaker.ts';
import { errorOf, openStore, type RawRequest, reply } from './testing/raw-server.ts';

class TestClock implements Clock {
  nowMs = 0;
  wallMs(): number {
    return this.nowMs;
  }
  monotonicMs(): number {
    return this.nowMs;
  }
}

function open({ failuresMax = 3, random = 1 } = {}) {
  const clock = new TestClock();
  const limits = { failuresMax, backoffMs: 1_000, backoffMaxMs: 5_000 };
  const breaker = new CircuitBreaker(limits, { clock, random: () => random });
  const tell = (outcome: Outcome, count = 1) => {
    for (let turn = 0; turn < count; turn += 1) breaker.enter()(outcome);
  };
  const isRefused = () => {
    try {
      breaker.enter()('unknown');
      return false;
    } catch {
      return true;
    }
  };
  return { clock, breaker, tell, isRefused };
}

describe('a circuit', () => {
  it('opens after so many failures in a row, and no answer in between', () => {
    const { breaker, tell } = open();
    for (let turn = 0; turn < 10; turn += 1) {
      tell('failed', 2);
      tell('answered', 3);
    }
    expect(breaker.state).toBe('closed');
    tell('failed', 2);
    tell('unknown', 50);
    expect(breaker.state).toBe('closed');
    tell('failed');
    expect(breaker.state).toBe('open');
    expect(() => breaker.enter()).toThrow(
      expect.objectContaining({ kind: 'ufs-unavailable', retryAfterMs: 1_000 }),
    );
  });

  it('opens where more than half of many requests fail, though never in a row', () => {
    const { breaker, tell } = open({ failuresMax: 16 });
    for (let turn = 0; turn < 10; turn += 1) {
      tell('failed', 3);
      tell('answered');
    }
    expect(breaker.state).toBe('closed');
    tell('failed');
    expect(breaker.state).toBe('open');
  });

  it('forgets failures of long ago', () => {
    const { breaker, tell, clock } = open({ failuresMax: 16 });
    for (let turn = 0; turn < 40; turn += 1) {
      tell('failed', 3);
      tell('answered');
      clock.nowMs += 2_000;
    }
    expect(breaker.state).toBe('closed');
  });

  it('lets one request try after its time, and closes where that is answered', () => {
    const { breaker, tell, clock, isRefused } = open();
    tell('failed', 3);
    clock.nowMs += 999;
    expect(isRefused()).toBe(true);
    clock.nowMs += 1;
    const probe = breaker.enter();
    expect([breaker.state, isRefused()]).toEqual(['half-open', true]);
    probe('answered');
    expect([breaker.state, isRefused()]).toEqual(['closed', false]);
  });

  it('waits twice as long after each try that fails, up to a bound, and from the start again after an answer', () => {
    const { breaker, tell, clock, isRefused } = open();
    tell('failed', 3);
    for (const waitMs of [1_000, 2_000, 4_000, 5_000, 5_000]) {
      clock.nowMs += waitMs - 1;
      expect(isRefused()).toBe(true);
      clock.nowMs += 1;
      breaker.enter()('failed');
    }
    clock.nowMs += 5_000;
    tell('answered');
    tell('failed', 3);
    clock.nowMs += 1_000;
    expect(isRefused()).toBe(false);
  });

  it('lets the next request try where nothing came of the first', () => {
    const { breaker, tell, clock } = open();
    tell('failed', 3);
    clock.nowMs += 1_000;
    breaker.enter()('unknown');
    expect(breaker.state).toBe('open');
    breaker.enter()('answered');
    expect(breaker.state).toBe('closed');
  });

  it('lets another try where the first takes long, and hears no more of that', () => {
    const { breaker, tell, clock, isRefused } = open();
    tell('failed', 3);
    clock.nowMs += 1_000;
    const upload = breaker.enter();
    clock.nowMs += 4_999;
    expect(isRefused()).toBe(true);
    clock.nowMs += 1;
    const read = breaker.enter();
    upload('failed');
    read('answered');
    expect(breaker.state).toBe('closed');
  });

  it('does not hear requests that began before it opened, or closed', () => {
    const { breaker, tell, clock } = open();
    const [late, later] = [breaker.enter(), breaker.enter()];
    tell('failed', 3);
    late('answered');
    expect(breaker.state).toBe('open');
    clock.nowMs += 1_000;
    tell('answered');
    later('failed');
    tell('failed', 2);
    expect(breaker.state).toBe('closed');
  });

  it('waits no less than half of its time, whatever is drawn', () => {
    const { tell, clock, isRefused } = open({ random: 0 });
    tell('failed', 3);
    clock.nowMs += 499;
    expect(isRefused()).toBe(true);
    clock.nowMs += 1;
    expect(isRefused()).toBe(false);
  });

  it('never opens where it is turned off', () => {
    const { breaker, tell } = open({ failuresMax: 0 });
    tell('failed', 1_000);
    expect(breaker.state).toBe('closed');
  });
});

describe('a store that fails', () => {
  const circuit = { failuresMax: 3, backoffMs: 60_000, backoffMaxMs: 60_000 };
  const kindOf = async (promise: Promise<unknown>) => (await errorOf(promise))?.kind ?? 'no error';
  const failing = ({ write }: RawRequest) => write(reply(500));

  it('is asked nothing more, neither reads nor writes, and says when to come again', async () => {
    const { ufs, server } = await openStore(failing, { circuit, readRetriesMax: 0 });
    for (let turn = 0; turn < 3; turn += 1) expect(await kindOf(ufs.head('k'))).toBe('ufs-answer');
    expect(ufs.circuit).toBe('open');
    async function* body() {
      yield Buffer.from('x');
    }
    for (const request of [
      ufs.get('k'),
      ufs.list({ prefix: '', maxKeys: 1 }),
      ufs.delete('k', { headers: [] }),
      ufs.put('k', { sizeBytes: 1, body: body(), headers: [] }),
    ]) {
      const error = await errorOf(request);
      expect(error).toMatchObject({ kind: 'ufs-unavailable' });
      expect(error?.retryAfterMs).toBeGreaterThan(10_000);
    }
    expect(server.requests).toHaveLength(3);
  });

  it('counts with its writes too, and with what gets no answer', async () => {
    const { ufs } = await openStore(
      (request) => (request.index === 0 ? failing(request) : request.socket.resetAndDestroy()),
      { circuit, readRetriesMax: 0 },
    );
    expect(await kindOf(ufs.delete('k', { headers: [] }))).toBe('ufs-answer');
    expect(await kindOf(ufs.delete('k', { headers: [] }))).toBe('state-unknown');
    expect([ufs.circuit, await kindOf(ufs.head('k')), ufs.circuit]).toEqual([
      'closed',
      'ufs-unavailable',
      'open',
    ]);
  });

  it('is not one that refuses: 403, 404, 412 and 501 say that it works', async () => {
    const statuses = [403, 404, 412, 501];
    const { ufs, server } = await openStore(({ write, index }) => write(reply(statuses[index % 4]!)), {
      circuit,
    });
    for (let turn = 0; turn < 20; turn += 1) expect(await kindOf(ufs.head('k'))).toBe('ufs-answer');
    expect([ufs.circuit, server.requests.length]).toEqual(['closed', 20]);
  });

  it('is not one whose clients leave', async () => {
    const { ufs } = await openStore(() => {}, { circuit });
    for (let turn = 0; turn < 5; turn += 1) {
      const left = new AbortController();
      const reading = ufs.get('k', { signal: left.signal });
      left.abort(new Error('gone'));
      await errorOf(reading);
    }
    expect(ufs.circuit).toBe('closed');
  });
});
