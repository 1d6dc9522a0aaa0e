/** The consistency checker in short: it finds nothing, and where fences are switched off it does. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runConsistency } from '../consistency/run.ts';

const seed = Math.floor(Math.random() * 2 ** 31);
const shape = { nodes: 3, gateways: 2, registries: 1 } as const;

it(`no order of operations contradicts what clients saw, whatever fails meanwhile (seed ${seed})`, async () => {
  const options = { seed, operations: 1_200, operationsPerSecond: 60, faults: true } as const;
  const { violations, ...report } = await runConsistency({ ...shape, ...options });
  console.log(JSON.stringify(report));
  expect(violations).toEqual([]);
  expect(report.checked).toBeGreaterThan(options.operations / 2);
});

it(`without fences clients see what no order explains (seed ${seed})`, async () => {
  const broken = join(import.meta.dirname, '../consistency/without-fences.ts');
  const { violations } = await runConsistency({
    ...{ ...shape, seed, operations: 600, operationsPerSecond: 150, faults: false },
    mainOf: (role) => (role === 'cache-node' ? broken : undefined),
  });
  expect(violations.length).toBeGreaterThan(0);
});
