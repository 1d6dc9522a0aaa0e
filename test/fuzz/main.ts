/** `npm run fuzz -- [--count N] [--seed N] [--only INDEX]`: the figures as JSON, faults and progress on stderr. */
import { parseArgs } from 'node:util';
import { fuzz } from './run.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    only: { type: 'string' },
  },
});
const count = Number(values.count);
const seed = Number(values.seed);
const only = values.only === undefined ? undefined : Number(values.only);
if (![count, seed, only ?? 0].every((value) => Number.isSafeInteger(value) && value >= 0)) {
  process.stderr.write('usage: npm run fuzz -- [--count N] [--seed N] [--only INDEX]\n');
  process.exit(2);
}
process.stderr.write(`fuzz: seed ${seed}, ${only === undefined ? `${count} inputs` : `input ${only}`}\n`);
const startedMs = performance.now();
const report = await fuzz({
  seed,
  count,
  only,
  onProgress: (done, memoryBytes) => {
    const line = `fuzz: ${done} of ${count}, resident ${Math.round(memoryBytes / 2 ** 20)} MiB`;
    if (done % 5000 === 0) process.stderr.write(`${line}\n`);
  },
});
const seconds = Math.round((performance.now() - startedMs) / 1000);
process.stdout.write(`${JSON.stringify({ ...report, seconds }, undefined, 2)}\n`);
for (const fault of report.faults) process.stderr.write(`fuzz: ${fault}\n`);
process.exitCode = report.faults.length === 0 ? 0 : 1;
