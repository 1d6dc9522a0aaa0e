import type { ObjectView } from '@forebay/registry/admin/objects';
import { describe, expect, it } from 'vitest';
import { explainRows, objectRows, present } from './object-text.ts';

const MiB = 1024 * 1024;
const cached: ObjectView = {
  ...{ bucket: 'lake', key: 'a/b', mount: '/lake', home: 'node-1', state: 'cached', sizeBytes: 10 * MiB },
  ...{ infoLevel: 'memory', fresh: true, ageMs: 12_000, tenure: 'current', pageSizeBytes: MiB },
  freshness: { mode: 'ttl', ttlMs: 60_000, ttlLeftMs: 48_000 },
  pages: {
    ...{ cached: 6, total: 10, cachedBytes: 6 * MiB },
    places: [{ tier: 'file', directory: '/d', pages: 6, bytes: 6 * MiB }],
  },
  ...{ fencesOpen: 0, unsettled: false },
  policy: {
    ...{ rule: 'rule s3://lake/a/', scope: 's3://lake/a/', quotaBytes: 100 * MiB, scopeBytes: 6 * MiB },
    ...{ priority: 'high', pinned: false, minUses: 2, cacheTtlMs: 3_600_000 },
  },
  forecast: {
    ...{ certain: true, cache: 'PARTIAL', reasons: ['4 of 10 pages are not cached'] },
    pages: { hit: 6, total: 10 },
    ufsRequests: [{ method: 'GET', range: { start: 6 * MiB, endExclusive: 10 * MiB } }],
  },
};
const textOf = (object: ObjectView) =>
  present([...objectRows(object), ...explainRows(object)]).map(([title, text]) => `${title}: ${text}`);

describe('an object explained', () => {
  it('says what lies where, how fresh it is, which rule decides, and what a read would do', () => {
    expect(textOf(cached)).toEqual(
      expect.arrayContaining([
        'State: info cached and fresh',
        'Pages: 6 of 10 cached, 6 MiB',
        ': 6 in files of /d, 6 MiB',
        'Info: in memory store, confirmed 12 s ago',
        'Freshness: info is used for 1m without asking, for another 48 s',
        'Policy: rule s3://lake/a/',
        ': priority high, stored at request 2 for a page, dropped 1h after the fill',
        'Quota: 6 MiB of 100 MiB (s3://lake/a/)',
        'A read now: PARTIAL, 6 of 10 pages from the cache',
        ': 4 of 10 pages are not cached',
        'UFS: 1 request, 4 MiB',
        ': GET bytes 6291456-10485759',
      ]),
    );
  });

  it('claims no more than is known', () => {
    const forecast = {
      ...{ certain: false, cache: 'MISS' as const, reasons: ['nothing is known of the object'] },
      ...{ pages: { hit: 0, total: 0 }, ufsRequests: [{ method: 'GET' as const, range: undefined }] },
    };
    const text = textOf({ ...cached, state: 'unknown', infoLevel: 'none', fresh: false, forecast });
    expect(text).toContain('A read now: probably MISS');
    expect(text).toContain('UFS: 1 request, as many bytes as there are');
  });

  it.each<[Partial<ObjectView>, string]>([
    [{ tenure: 'earlier', fresh: false }, 'this one is from before a restart, so it is confirmed first'],
    [{ freshness: { mode: 'always', ttlMs: 0 } }, 'always: every read asks the UFS'],
    [{ freshness: { mode: 'immutable', ttlMs: 0 } }, 'what is known is never asked for again'],
    [{ freshness: { mode: 'ttl', ttlMs: 1000, ttlLeftMs: 0 } }, 'that time is over'],
    [{ fencesOpen: 1 }, '1 under way; every read asks the UFS'],
    [{ unsettled: true }, 'the outcome of a write is unknown; every read asks the UFS'],
    [{ policy: { ...cached.policy, pinned: true } }, 'pinned: never evicted'],
    [{ forecast: { ...cached.forecast, ufsRequests: [] } }, 'UFS: is not asked'],
  ])('says of %j: %s', (change, words) => {
    expect(textOf({ ...cached, ...change }).join('\n')).toContain(words);
  });
});
