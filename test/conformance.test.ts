/** The table of conformance leaves nothing out, and what it cites is there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { operationTable } from '@forebay/gateway/s3/operation-table';
import { expect, it } from 'vitest';
import { sections } from './conformance/sections/all.ts';

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
