/**
 * `npm run simulate -- [--seeds N] [--seed S]`: so many runs of a simulated cluster, from a seed on, on all
 * cores. A run that breaks a promise is told with its seed: `--seed S --seeds 1` repeats it.
 */
import { parseArgs } from 'node:util';
import { simulateAll, tellBroken } from './threads.ts';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
});
const { runs, reads, writes, unknownWrites, broken } = await simulateAll({
  first: Number(values.seed),
  count: Number(values.seeds),
});
for (const outcome of broken) console.log(`\n${tellBroken(outcome)}`);
const { user, system } = process.cpuUsage();
const seconds = ((user + system) / 1e6).toFixed(1);
console.log(
  `${runs} runs, ${broken.length} of them broken; ${reads} reads and ${writes} writes were answered, ` +
    `${unknownWrites} writes were not; ${seconds} s of CPU`,
);
process.exitCode = broken.length === 0 ? 0 : 1;
