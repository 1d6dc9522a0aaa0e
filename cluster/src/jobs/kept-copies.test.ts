import type { CopyRequest, WorkOutcome } from '@forebay/core/job-worker';
import { parseMount } from '@forebay/core/mount-uri';
import { callerLost } from '@forebay/data-plane/cache-node-server';
import { describe, expect, it } from 'vitest';
import { KeptCopies, type KeptCopiesOptions } from './kept-copies.ts';

const mount = parseMount({ path: '/lake', uri: 's3://lake' }, { pageSizeBytes: 65_536, createdAtMs: 0 });
const info = { sizeBytes: 1, etag: '"e"', lastModifiedMs: 0, headers: [], checksumsKnown: true };
const done: WorkOutcome = {
  ...{ kind: 'done', info: { ...info, versionId: undefined } },
  ...{ bytes: 1, ufsRequests: 4, ufsBytes: 1 },
};

/** Copies that end when the test says so. */
function world(options: Partial<KeptCopiesOptions> = {}) {
  const begun: { readonly request: CopyRequest; readonly end: PromiseWithResolvers<WorkOutcome> }[] = [];
  const copies = new KeptCopies({
    copy: (request) => {
      const end = Promise.withResolvers<WorkOutcome>();
      request.signal.addEventListener('abort', () => end.reject(request.signal.reason));
      begun.push({ request, end });
      return end.promise;
    },
    ...options,
  });
  const ask = (ufsKey = 'a', job = 'job-1') => {
    const caller = new AbortController();
    const source = { mount, ufsKey };
    const target = { mount, ufsKey: `copy of ${ufsKey}` };
    return { caller, answer: copies.copy({ job, source, target, signal: caller.signal }) };
  };
  return { begun, ask };
}

describe('a copy', () => {
  it('goes on without its caller, for who asks again', async () => {
    const { begun, ask } = world();
    const first = ask();
    first.caller.abort(callerLost);
    await expect(first.answer).rejects.toBe(callerLost);
    const second = ask();
    begun[0]!.end.resolve(done);
    expect(await second.answer).toBe(done);
    expect(begun).toHaveLength(1);
  });

  it('that is done is known to its job, whose caller may not have heard of it, and to no other', async () => {
    const { begun, ask } = world();
    const first = ask();
    begun[0]!.end.resolve(done);
    await first.answer;
    expect(await ask().answer).toBe(done);
    void ask('a', 'job-2').answer;
    void ask('b').answer;
    expect(begun).toHaveLength(3);
  });

  it('is made anew where it failed, or had nothing to do', async () => {
    const { begun, ask } = world();
    const failed = ask();
    begun[0]!.end.reject(new Error('no such bucket'));
    await expect(failed.answer).rejects.toThrow('no such bucket');
    const idle = ask();
    begun[1]!.end.resolve({ ...done, kind: 'cached' });
    expect(await idle.answer).toMatchObject({ kind: 'cached' });
    void ask().answer;
    expect(begun).toHaveLength(3);
  });

  it('ends at once where it is cancelled, and in its time where nobody comes back', async () => {
    const { begun, ask } = world({ orphanedMs: 1 });
    const cancelled = ask();
    cancelled.caller.abort(new Error('cancelled'));
    await expect(cancelled.answer).rejects.toThrow('cancelled');
    expect(begun[0]!.request.signal.aborted).toBe(true);
    const lost = ask();
    const ended = new Promise((resolve) => begun[1]!.request.signal.addEventListener('abort', resolve));
    lost.caller.abort(callerLost);
    await expect(lost.answer).rejects.toBe(callerLost);
    await ended;
  });
});
