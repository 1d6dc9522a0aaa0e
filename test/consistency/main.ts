/**
 * `npm run consistency -- [--seed N] [--seeds COUNT] [--operations N] [--nodes N] [--gateways N]`: the report
 * of each run as a line of JSON, violations and progress on stderr. Exit code 1 where a promise was broken.
 */
import { parseArgs } from 'node:util';
import type { NetworkKind } from '../support/cluster/network.ts';
import { runConsistency } from './run.ts';

const usage = `usage: npm run consistency -- [--seed N] [--operations N] [--nodes N] [--gateways N]

  --seed N          of faults and clients; random without it
  --seeds COUNT     so many runs, with this seed and those after it (1)
  --operations N    of all clients in a run (10000)
  --rate N          operations in a second (100)
  --nodes N         cache nodes (3)
  --gateways N      gateways (2)
  --network KIND    namespaces or proxies; namespaces where this process may make them
  --no-faults       nothing is killed, paused or cut
`;
const { values } = parseArgs({
  allowNegative: true,
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    seeds: { type: 'string', default: '1' },
    operations: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '100' },
    nodes: { type: 'string', default: '3' },
    gateways: { type: 'string', default: '2' },
    network: { type: 'string' },
    faults: { type: 'boolean', default: true },
    help: { type: 'boolean', default: false },
  },
});
const { seed, seeds, operations, rate, nodes, gateways } = values;
const numbers = [seed, seeds, operations, rate, nodes, gateways].map(Number);
const isUsable = numbers.every((value) => Number.isSafeInteger(value) && value >= 0);
if (values.help || !isUsable || ![undefined, 'namespaces', 'proxies'].includes(values.network)) {
  (values.help ? process.stdout : process.stderr).write(usage);
  process.exit(values.help ? 0 : 2);
}

const say = (text: string) => process.stderr.write(`consistency: ${text}\n`);
for (let run = 0; run < Number(seeds); run += 1) {
  say(`seed ${Number(seed) + run}, ${operations} operations`);
  const { violations, ...report } = await runConsistency({
    ...{ seed: Number(seed) + run, operations: Number(operations), faults: values.faults },
    ...{ nodes: Number(nodes), gateways: Number(gateways), registries: 1 },
    operationsPerSecond: Number(rate),
    networkKind: values.network as NetworkKind | undefined,
    onProgress: say,
  });
  for (const { promise, what, history } of violations) say([`${promise}: ${what}`, ...history].join('\n  '));
  process.stdout.write(`${JSON.stringify({ ...report, violations: violations.length })}\n`);
  if (violations.length > 0) process.exitCode = 1;
}
