/**
 * A page table as one would write it without a thought for memory, and random steps on both: the oracle of
 * the property test.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { noRow } from '../../rows/rows.ts';
import type { PagePriority } from '../page-lists.ts';
import type { PagePlace } from '../page-rows.ts';
import type { PageTable } from '../page-table.ts';
import type { SetPolicy } from '../set-policy.ts';

interface ModelPage {
  readonly set: string;
  readonly index: number;
  place: PagePlace;
}

export class ModelTable {
  readonly pages = new Map<string, ModelPage>();
  readonly policies = new Map<string, SetPolicy>();

  key(set: string, index: number): string {
    return `${set}/${index}`;
  }

  remove(set: string, index: number): void {
    this.pages.delete(this.key(set, index));
    if (![...this.pages.values()].some((page) => page.set === set)) this.policies.delete(set);
  }

  bytes(among: (page: ModelPage, policy: SetPolicy) => boolean): number {
    let bytes = 0;
    for (const page of this.pages.values()) {
      if (among(page, this.policies.get(page.set)!)) bytes += page.place.storedBytes;
    }
    return bytes;
  }
}

const setCount = 6;
const indexCount = 12;
const directoryCount = 3;
/** Ids that share three of four words: the index finds them in one chain. */
const sets = Array.from({ length: setCount }, (_, set) => `${'0'.repeat(24)}${String(set).padStart(8, '0')}`);

const page = { set: fc.constantFrom(...sets), index: fc.nat(indexCount - 1) };
const policy = fc.record({
  scope: fc.nat(2),
  priority: fc.constantFrom<PagePriority>('low', 'normal', 'high'),
  pinned: fc.boolean(),
});
const place = fc.record({
  directory: fc.nat(directoryCount - 1),
  pack: fc.integer({ min: -1, max: 3 }),
  lengthBytes: fc.nat(100_000),
  overhead: fc.nat(16_383),
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), ...page, place, policy }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), ...page }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('touch' as const), ...page }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('evict' as const), directory: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('evict scope' as const), scope: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('policy' as const), set: page.set, policy }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reload' as const), directory: fc.nat(3) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

export const tableSteps = fc.array(step, { maxLength: 200 });

export function runSteps(table: PageTable, model: ModelTable, steps: readonly Step[]): void {
  for (const each of steps) {
    switch (each.do) {
      case 'add':
        add(table, model, each);
        break;
      case 'remove':
        if (model.pages.has(model.key(each.set, each.index))) table.remove(table.find(each.set, each.index));
        model.remove(each.set, each.index);
        break;
      case 'touch':
        if (model.pages.has(model.key(each.set, each.index))) table.touch(table.find(each.set, each.index));
        break;
      case 'evict':
        evict(table, model, table.victim(each.directory), (of) => of.directory === each.directory);
        break;
      case 'evict scope':
        evict(table, model, table.victimOf(each.scope), (_, { scope }) => scope === each.scope);
        break;
      case 'policy':
        assert.equal(table.setPolicy(each.set, each.policy), -1);
        if (model.policies.has(each.set)) model.policies.set(each.set, each.policy);
        break;
      case 'reload':
        reload(table, each.directory);
    }
  }
}

function add(table: PageTable, model: ModelTable, of: Extract<Step, { do: 'add' }>): void {
  const { overhead, ...rest } = of.place;
  const placed = { ...rest, offset: 16, checksum: 1, storedBytes: rest.lengthBytes + overhead };
  table.add(of.set, of.index, placed, { ...of.policy, filledAtSeconds: 1 });
  model.pages.set(model.key(of.set, of.index), { set: of.set, index: of.index, place: placed });
  if (!model.policies.has(of.set)) model.policies.set(of.set, of.policy);
}

/** The victim is one that may go, and of the lowest priority that there is. */
function evict(
  table: PageTable,
  model: ModelTable,
  row: number,
  among: (place: PagePlace, policy: SetPolicy) => boolean,
): void {
  const candidates = [...model.pages.values()].filter(({ set, place: at }) => {
    const of = model.policies.get(set)!;
    return !of.pinned && among(at, of);
  });
  assert.equal(row === noRow, candidates.length === 0);
  if (row === noRow) return;
  const [set, index] = [table.setOf(row), table.indexOf(row)];
  const victim = candidates.find((each) => each.set === set && each.index === index);
  assert(victim, 'the victim may go');
  const rank = (of: ModelPage) => ['low', 'normal', 'high'].indexOf(model.policies.get(of.set)!.priority);
  assert.equal(rank(victim), Math.min(...candidates.map(rank)));
  table.remove(row);
  model.remove(set, index);
}

/** All pages of a directory leave and come back. */
function reload(table: PageTable, directory: number): void {
  const parts = [...table.dump(directory)].map((part) => part.slice());
  const { pages } = table.usageIn(directory);
  // Loading what is in already changes nothing.
  for (const part of parts) assert.equal(table.load(directory, part, { scopeOf: (scope) => scope }), 0);
  for (const set of [...table.eachSet()]) {
    for (const row of table.pagesOf(set)) if (table.directoryOf(row) === directory) table.remove(row);
  }
  let added = 0;
  for (const part of parts) added += table.load(directory, part, { scopeOf: (scope) => scope });
  assert.equal(added, pages);
}

export function checkAgainst(table: PageTable, model: ModelTable): void {
  assert.equal(table.pageCount, model.pages.size);
  assert.deepEqual([...table.eachSet()].sort(), [...model.policies.keys()].sort());
  for (const set of sets) {
    const pages = [...model.pages.values()].filter((each) => each.set === set);
    assert.equal(table.pageCountOf(set), pages.length);
    assert.deepEqual(
      [...table.pagesOf(set)].map((row) => table.indexOf(row)),
      pages.map(({ index }) => index).sort((a, b) => a - b),
    );
    for (const { index, place: at } of pages) {
      const row = table.find(set, index);
      assert.deepEqual([table.setOf(row), table.indexOf(row)], [set, index]);
      assert.deepEqual([table.directoryOf(row), table.packOf(row)], [at.directory, at.pack]);
      assert.deepEqual([table.lengthOf(row), table.storedBytesOf(row)], [at.lengthBytes, at.storedBytes]);
    }
    const policyOfSet = model.policies.get(set);
    if (policyOfSet) assert.deepEqual(table.policyOf(set), { ...policyOfSet, ttlSeconds: undefined });
  }
  for (let directory = 0; directory < directoryCount; directory += 1) {
    assert.equal(
      table.usageIn(directory).bytes,
      model.bytes(({ place: at }) => at.directory === directory),
    );
  }
  for (const scope of [0, 1, 2]) {
    assert.equal(
      table.usageOf(scope).bytes,
      model.bytes((_, of) => of.scope === scope),
    );
  }
}
