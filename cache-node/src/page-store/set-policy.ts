/** What the pages of a set have in common. */
import assert from 'node:assert/strict';
import { isScope, type PageGroup } from './page-lists.ts';

export interface SetPolicy extends PageGroup {
  /** Seconds after its fill that a page is dropped; undefined: never. */
  readonly ttlSeconds?: number | undefined;
}

const ttlSecondsMax = 2 ** 32 - 1;

/** @throws AssertionError where a row has no room for it */
export function assertPolicy({ scope, ttlSeconds = 0 }: SetPolicy): void {
  assert(isScope(scope), 'the scope is out of bounds');
  assert(ttlSeconds >= 0 && ttlSeconds <= ttlSecondsMax, 'the time to live is out of bounds');
}
