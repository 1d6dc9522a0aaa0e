/**
 * `npm run simulate -- [--seeds N] [--seed S]`: so many runs of a simulated cluster, from a seed on. A run
 * that breaks a promise is told with its seed: `--seed S --seeds 1` repeats it.
 */
import { parseArgs } from 'node:util';
import { simulate } from './simulation.ts';

// Errors are ordinary here.
Error.stackTraceLimit = 0;

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
});
const first = Number(values.seed);
const count = Number(values.seeds);
const sums = { reads: 0, writes: 0, unknownWrites: 0, broken: 0 };
for (let seed = first; seed < first + count; seed += 1) {
  const { violations, story, ...counts } = await simulate(seed);
  sums.reads += counts.reads;
  sums.writes += counts.writes;
  sums.unknownWrites += counts.unknownWrites;
  if (violations.length === 0) continue;
  sums.broken += 1;
  console.log(`\nseed ${seed}\n${violations.join('\n')}\n  ${story.join('\n  ')}`);
}
const { user, system } = process.cpuUsage();
const seconds = ((user + system) / 1e6).toFixed(1);
console.log(
  `${count} runs, ${sums.broken} of them broken; ${sums.reads} reads and ${sums.writes} writes were answered, ` +
    `${sums.unknownWrites} writes were not; ${seconds} s of CPU`,
);
process.exitCode = sums.broken === 0 ? 0 : 1;
