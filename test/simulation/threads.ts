/** Many runs of a simulation, on several threads: each is of one seed and knows of no other. */
import { availableParallelism } from 'node:os';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { type Outcome, simulate } from './simulation.ts';

export interface Seeds {
  readonly first: number;
  readonly count: number;
}

export interface Sums {
  readonly runs: number;
  readonly reads: number;
  readonly writes: number;
  readonly unknownWrites: number;
  /** Runs that broke a promise, in the order of their seeds. */
  readonly broken: readonly Outcome[];
}

/** Every so many of the seeds. */
interface Stripe {
  readonly first: number;
  readonly endExclusive: number;
  readonly step: number;
}

/** @throws Error where a thread ends without its word */
export async function simulateAll({ first, count }: Seeds): Promise<Sums> {
  const step = Math.min(count, availableParallelism());
  const endExclusive = first + count;
  const parts = await Promise.all(
    Array.from({ length: step }, (_, index) => onThread({ first: first + index, endExclusive, step })),
  );
  const sum = (of: (part: Sums) => number) => parts.reduce((so, part) => so + of(part), 0);
  return {
    runs: sum(({ runs }) => runs),
    reads: sum(({ reads }) => reads),
    writes: sum(({ writes }) => writes),
    unknownWrites: sum(({ unknownWrites }) => unknownWrites),
    broken: parts.flatMap(({ broken }) => broken).sort((a, b) => a.seed - b.seed),
  };
}

/** For people: what broke, what had failed before, and how to see it again. */
export function tellBroken({ seed, violations, story }: Outcome): string {
  const again = `again: npm run simulate -- --seed ${seed} --seeds 1`;
  return [`seed ${seed}`, ...violations, ...story.map((line) => `  ${line}`), again].join('\n');
}

function onThread(stripe: Stripe): Promise<Sums> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL(import.meta.url), { workerData: { stripe } });
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', () => reject(new Error('a thread of the simulation ended without its word')));
  });
}

async function run({ first, endExclusive, step }: Stripe): Promise<Sums> {
  // Errors are ordinary here, and nobody reads where they came from.
  Error.stackTraceLimit = 0;
  const sums = { runs: 0, reads: 0, writes: 0, unknownWrites: 0, broken: [] as Outcome[] };
  for (let seed = first; seed < endExclusive; seed += step) {
    const outcome = await simulate(seed);
    sums.runs += 1;
    sums.reads += outcome.reads;
    sums.writes += outcome.writes;
    sums.unknownWrites += outcome.unknownWrites;
    if (outcome.violations.length > 0) sums.broken.push(outcome);
  }
  return sums;
}

const { stripe } = (workerData ?? {}) as { stripe?: Stripe };
if (stripe) parentPort?.postMessage(await run(stripe));
