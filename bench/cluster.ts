/**
 * `npm run bench -- cluster`: what a warm read costs through a gateway before one, two and four cache nodes,
 * CPU of all their processes added, beside one process that is all of them. In one run, in turns.
 */
import { runBenchmark } from './src/frame.ts';
import { clusterPeer } from './src/hop/cluster-peer.ts';
import { warmOptions, warmOptionsText, warmRounds } from './src/hop/warm-rounds.ts';
import { forebayPeer } from './src/peers/forebay.ts';

await runBenchmark({
  usage: `Usage: npm run bench -- cluster [--sizes NAMES] [--rounds N] [--sample MS]

Warm reads through one gateway and 1, 2 and 4 cache nodes of the same machine, and through forebay serve with
one worker. Servers run on one CPU and the client on another, where there is taskset.

${warmOptionsText}`,
  options: warmOptions,
  run: async (context) => {
    const peers = [forebayPeer('forebay', 1), clusterPeer(1), clusterPeer(2), clusterPeer(4)];
    const { lines, broken, rows } = await warmRounds(context, peers);
    const head =
      'CPU of all processes. Medians of rounds in turns; ratios are medians of those within a round.';
    return { lines: [head, ...lines], figures: { broken, rows } };
  },
});
