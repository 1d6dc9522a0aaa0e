/** `npm run faults -- [--rounds N] [--seed N]`: the figures as JSON, faults and progress on stderr. */
import { parseArgs } from 'node:util';
import { killRounds } from './kill-rounds.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const rounds = Number(values.rounds);
const seed = Number(values.seed);
if (![rounds, seed].every((value) => Number.isSafeInteger(value) && value >= 0)) {
  process.stderr.write('usage: npm run faults -- [--rounds N] [--seed N]\n');
  process.exit(2);
}
process.stderr.write(`faults: seed ${seed}, ${rounds} rounds\n`);
const report = await killRounds({
  seed,
  rounds,
  onRound: (round) => {
    if ((round + 1) % 10 === 0) process.stderr.write(`faults: ${round + 1} of ${rounds}\n`);
  },
});
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
for (const fault of report.faults) process.stderr.write(`faults: ${fault}\n`);
process.exitCode = report.faults.length === 0 ? 0 : 1;
