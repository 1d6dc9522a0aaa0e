/**
 * Eviction policies against each other: hit ratios on recorded and made traces, and how each stands a scan.
 * Run: node bench/eviction.ts [--traces DIRECTORY] (see bench/src/eviction/traces.ts for where they are from)
 */
import { parseArgs } from 'node:util';
import { madeTraces, scanTrace } from './src/eviction/made-traces.ts';
import { policies } from './src/eviction/policies.ts';
import { simulate } from './src/eviction/simulate.ts';
import { recordedTraces, type Trace } from './src/eviction/traces.ts';

const { values } = parseArgs({ options: { traces: { type: 'string' } } });
const names = Object.keys(policies);
/** Of all bytes that a trace asks for. */
const cacheShares = [0.01, 0.1, 0.3];

const percent = (ratio: number) => (ratio * 100).toFixed(1);
const header = (first: string) =>
  console.log(`\n| ${first} | ${names.join(' | ')} |\n| --- |${' --- |'.repeat(names.length)}`);

function compare(trace: Trace): void {
  const totalBytes = trace.sizes.reduce((sum, size) => sum + size, 0);
  for (const share of cacheShares) {
    const cacheBytes = Math.floor(totalBytes * share);
    const cells = names.map((name) => {
      const { bytes, requests } = simulate(trace, policies[name]!(), cacheBytes);
      return bytes === requests ? percent(bytes) : `${percent(bytes)} (${percent(requests)})`;
    });
    console.log(`| ${trace.name}, cache ${share * 100} % | ${cells.join(' | ')} |`);
  }
}

console.log('Hit ratio by bytes (by requests, where it is another), in percent');
header('trace, and cache as a share of all that it asks for');
if (values.traces) for (const trace of recordedTraces(values.traces)) compare(trace);
for (const trace of madeTraces()) compare(trace);

console.log('\nHit ratio of a hot set of 80 % of the cache while a scan of ten times the cache goes through');
for (const cachePages of [100, 1000, 10_000]) {
  header(`cache of ${cachePages} pages`);
  for (const readsPerPage of [0, 1, 4, 16]) {
    const trace = scanTrace(cachePages, readsPerPage);
    const counts = (request: number) => trace.isCounted(request);
    const ratios = names.map((name) => simulate(trace, policies[name]!(), cachePages, counts));
    console.log(`| ${trace.name} | ${ratios.map(({ requests }) => percent(requests)).join(' | ')} |`);
  }
}
