import { s3Actions } from '@forebay/core/policy/actions';
import { expect, it } from 'vitest';
import { actionNeedsOf } from './operation-actions.ts';
import { operationTable } from './operation-table.ts';

const needs = operationTable.map(({ name }) => actionNeedsOf(name));

it('gives every operation of the table its actions', () => {
  for (const { plain, versioned } of needs) {
    expect(plain.length).toBeGreaterThan(0);
    expect(versioned).toHaveLength(plain.length);
  }
});

it('names the actions that policies may name, and no others', () => {
  const named = needs.flatMap(({ plain, versioned, headers }) => [
    ...plain,
    ...versioned,
    ...headers.flatMap(([, ...actions]) => actions),
  ]);
  expect([...new Set(named)].sort()).toEqual([...s3Actions].sort());
});
