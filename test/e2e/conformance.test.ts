/**
 * Every check of conformance against one store, so that what was right stays right. The other stores and the
 * page itself: `npm run conformance`.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Column, startColumn } from '../conformance/column.ts';
import { cellOf } from '../conformance/page.ts';
import { isProbe, judge, probesOf } from '../conformance/run.ts';
import { sections } from '../conformance/sections/all.ts';
import { needs } from '../support/tools.ts';

/** The cell of versitygw in each row of the page, by id. */
const cells = new Map(
  readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8')
    .split('\n')
    .map((line) => line.split(' | '))
    .filter((row) => row.length === 5)
    .map((row) => [row[0]!.replace('| ', ''), row[2]!] as const),
);

describe('conformance', await needs('versitygw'), () => {
  let column: Column;
  beforeAll(async () => {
    column = await startColumn('versitygw', probesOf(sections));
  });
  afterAll(() => column?.stop());

  describe.each(sections.map(({ title, checks }) => ({ title, probes: checks.filter(isProbe) })))(
    '$title',
    ({ probes }) => {
      it.each(probes)('$id: $title', async (probe) => {
        const verdict = await judge(column, probe);
        expect(verdict.kind === 'no' ? verdict.detail : 'right').toBe('right');
        expect(cellOf(probe, verdict), 'docs/conformance.md says otherwise').toBe(cells.get(probe.id));
      });
    },
  );
});
