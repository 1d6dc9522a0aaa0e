/**
 * `npm run bench -- hop`: what a warm read costs a gateway and a cache node that are two processes, over
 * TCP, their CPU added; beside nginx with proxy_pass before nginx with proxy_cache. In one run, in turns.
 */
import { table } from 'forebay/terminal';
import { runBenchmark } from './src/frame.ts';
import { forebayHop, nginxHop } from './src/hop/peers.ts';
import { type WarmRounds, warmOptions, warmOptionsText, warmRounds } from './src/hop/warm-rounds.ts';
import { hopBounds } from './src/peers/figures.ts';

await runBenchmark({
  usage: `Usage: npm run bench -- hop [--sizes NAMES] [--rounds N] [--sample MS]

Warm reads through a gateway and a cache node on TCP, beside nginx before nginx. Servers run on one CPU and
the client on another, where there is taskset.

${warmOptionsText}`,
  options: warmOptions,
  run: async (context) => {
    const measured = await warmRounds(context, [forebayHop, nginxHop]);
    const { sizes, lines, broken, rows } = measured;
    const ratios = sizes.map(({ name, label }) => ({ name, label, ratio: ratioOf(measured, name) }));
    const head =
      'CPU of both processes. Medians of rounds in turns; ratios are medians of those within a round.';
    return {
      lines: [
        head,
        ...lines,
        '',
        ...table([['CPU to nginx', 'ratio', 'at most', 'goal'], ...ratios.map(cellsOf)]),
      ],
      figures: { broken, rows, ratios },
    };
  },
});

function ratioOf({ rows }: WarmRounds, size: string): number | undefined {
  const nginx = rows.find((row) => row.size === size && row.peer === nginxHop.name);
  return nginx?.cpuToForebay ? 1 / nginx.cpuToForebay : undefined;
}

function cellsOf({
  name,
  label,
  ratio,
}: {
  name: string;
  label: string;
  ratio: number | undefined;
}): string[] {
  const { bound, goal } = hopBounds[name] ?? {};
  return [label, ratio?.toFixed(2) ?? 'unknown', bound?.toFixed(2) ?? '-', goal?.toFixed(2) ?? '-'];
}
