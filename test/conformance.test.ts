/** The table of conformance leaves nothing out, and what it cites is there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { operationTable } from '@forebay/gateway/s3/operation-table';
import { expect, it } from 'vitest';
import { type Check, forebay, Mismatch, type Probe, ufs } from './conformance/check.ts';
import type { Column } from './conformance/column.ts';
import { conformancePage } from './conformance/page.ts';
import { judge } from './conformance/run.ts';
import { sections } from './conformance/sections/all.ts';
import { Target } from './conformance/target.ts';

const checks = sections.flatMap((section) => section.checks);
const ids = checks.map(({ id }) => id);

it('has every wire item and every operation', () => {
  const items = Array.from({ length: 133 }, (_, index) => String(index + 1));
  const operations = operationTable.map(({ name }) => name);
  expect([...items, ...operations].filter((id) => !ids.includes(id))).toEqual([]);
});

it('has every id once', () => {
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
});

it('cites tests that are there', () => {
  const cited = checks.flatMap((check) => ('proof' in check ? [check.proof] : []));
  const gone = cited.filter(({ file, test }) => {
    return !readFileSync(join(import.meta.dirname, '..', file), 'utf8').includes(test);
  });
  expect(gone).toEqual([]);
});

/** A column of nothing: its probes only look at which side they are on. */
function columnOf(hasProtocol: boolean): Column {
  const target = (bucket: string) => {
    const world = { openBucket: '', goneBucket: '', domain: '', otherBucket: '', freshBucket: '' };
    const server = { endpoint: 'http://127.0.0.1:1', accessKey: 'a', secretKey: 's' };
    return new Target({ server, bucket, prefix: '', world: { ...world, isDirectory: !hasProtocol } });
  };
  return {
    name: 'versitygw',
    version: 'of nothing',
    throughForebay: () => target('forebay'),
    direct: async () => (hasProtocol ? target('store') : undefined),
    stop: async () => undefined,
  };
}

/** Sees one thing through Forebay and another at the store; undefined is right. */
function probeOf(make: typeof ufs, seen: { forebay?: string; store?: string }): Probe {
  return make('1', 'a claim', async ({ bucket }) => {
    const observed = bucket === 'forebay' ? seen.forebay : seen.store;
    if (observed !== undefined) throw new Mismatch(0, { observed }, 'detail');
  });
}

it.each([
  ['yes', {}, true],
  ['yes', { store: '400' }, true],
  ['no', { forebay: '400' }, true],
  ['lacks', { forebay: '400', store: '400' }, true],
  ['no', { forebay: '500', store: '400' }, true],
  ['lacks', { forebay: '501 NotImplemented', store: '400' }, true],
  ['no', { forebay: '501 NotImplemented' }, true],
  ['lacks', { forebay: '501 NotImplemented' }, false],
  ['no', { forebay: '400' }, false],
] as const)(
  'says %s where %o was seen of what the store decides (a protocol: %s)',
  async (kind, seen, s3) => {
    expect((await judge(columnOf(s3), probeOf(ufs, seen))).kind).toBe(kind);
  },
);

it('excuses nothing that Forebay decides', async () => {
  const seen = { forebay: '501 NotImplemented', store: '501 NotImplemented' };
  expect((await judge(columnOf(true), probeOf(forebay, seen))).kind).toBe('no');
});

it('writes one row for each check', () => {
  const rows = conformancePage(sections, []).split('\n');
  const isRow = ({ id }: Check) => rows.some((row) => row.startsWith(`| ${id} | `));
  expect(checks.filter((check) => !isRow(check))).toEqual([]);
});
