/**
 * `npm run bench -- hot`: the CPU that a server spends on a warm, signed GET, as the request's own cost is
 * what small objects pay for. Another checkout (`--against`) is measured in alternation, so that a change is
 * compared on a machine in one and the same mood.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { KiB, parseSizeBytes } from '@forebay/core/bytes';
import { contentOf } from 'forebay/bench/content';
import { startServe } from 'forebay/demo/serve-child';
import { inspectorOf, profiled } from './src/cpu-profile.ts';
import { flameGraph } from './src/flame-graph.ts';
import { type BenchmarkContext, type BenchmarkReport, numberFlag, runBenchmark, say } from './src/frame.ts';
import { HotClient } from './src/hot-client.ts';
import { type HotSample, hotSample } from './src/hot-sample.ts';
import { median } from './src/report.ts';
import { tempDirectory } from './src/servers.ts';

await runBenchmark({
  usage: `Usage: npm run bench -- hot [FLAGS]

CPU per warm, signed GET of a file:// mount, over kept connections, from a client in its own process.

  --size SIZE          of the objects (4KiB)
  --objects N          so many of them, in turn (64)
  --connections N      (16)
  --seconds N          of each round (2)
  --rounds N           (5)
  --method METHOD      GET or HEAD
  --workers N          processes (1)
  --unsigned           anonymous requests
  --against CHECKOUT   another one, measured in alternation
  --profile DIR        write CPU profiles of one more round there, and flame graphs of them
`,
  options: {
    size: { type: 'string' },
    objects: { type: 'string' },
    connections: { type: 'string' },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    method: { type: 'string' },
    workers: { type: 'string' },
    unsigned: { type: 'boolean' },
    against: { type: 'string' },
    profile: { type: 'string' },
  },
  run: measure,
});

interface Measured {
  readonly name: string;
  readonly pid: number;
  readonly inspectorPort: number;
  readonly client: HotClient;
  readonly samples: HotSample[];
}

async function measure({ quick, flags, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const sizeBytes = parseSizeBytes(String(flags.size ?? '4KiB')) ?? 4 * KiB;
  const objects = numberFlag(flags, 'objects', 64);
  const seconds = numberFlag(flags, 'seconds', quick ? 1 : 2);
  const rounds = numberFlag(flags, 'rounds', quick ? 3 : 5);
  const directory = tempDirectory(stack);
  const data = join(directory, 'objects');
  mkdirSync(data);
  for (let object = 0; object < objects; object += 1) {
    writeFileSync(join(data, String(object)), contentOf(object, sizeBytes));
  }
  const start = async (name: string, checkout?: string): Promise<Measured> => {
    const own = join(directory, name);
    mkdirSync(own);
    const keys = { accessKey: 'BENCHFOREBAYKEY', secretKey: 'bench-forebay-secret-key' };
    const mounts = [`/bench=file://${data}?ttl=1h${flags.unsigned ? '&anonymous=read' : ''}`];
    const inspector = await inspectorOf();
    const child = await startServe({
      ...{ name, directory: own, ...keys, mounts, signal: new AbortController().signal },
      flags: ['--workers', String(flags.workers ?? 1)],
      ...(checkout !== undefined && { checkout: resolve(checkout) }),
      env: inspector.env,
    });
    stack.defer(() => child.stop());
    const client = new HotClient({
      ...{ ...keys, port: child.port, sizeBytes, objects },
      connections: numberFlag(flags, 'connections', 16),
      method: flags.method === 'HEAD' ? 'HEAD' : 'GET',
      signed: flags.unsigned !== true,
    });
    stack.defer(() => client.stop());
    return { name, pid: child.pid, inspectorPort: inspector.port, client, samples: [] };
  };
  const servers = [await start('Forebay')];
  if (flags.against !== undefined) servers.push(await start('the other checkout', String(flags.against)));
  for (let round = 0; round <= rounds; round += 1) {
    say(round === 0 ? 'Warming up.' : `Round ${round} of ${rounds}.`);
    for (const server of servers) {
      const sample = await hotSample(server, seconds * 1000);
      if (round > 0) server.samples.push(sample);
    }
  }
  const what = `${String(flags.method ?? 'GET')} ${String(flags.size ?? '4KiB')}`;
  if (flags.profile !== undefined) {
    for (const server of servers) await profileTo(String(flags.profile), server, { seconds, what });
  }
  return reportOf(servers, what);
}

async function profileTo(
  directory: string,
  { name, pid, inspectorPort, client }: Measured,
  { seconds, what }: { readonly seconds: number; readonly what: string },
): Promise<void> {
  let requests = 0;
  const profile = await profiled({ pid, port: inspectorPort }, async () => {
    ({ requests } = await client.run(seconds * 1000));
  });
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${name} ${what}`.toLowerCase().replaceAll(' ', '-'));
  writeFileSync(`${path}.cpuprofile`, JSON.stringify(profile));
  writeFileSync(`${path}.svg`, flameGraph(profile, `${name}: ${what}, ${requests} requests`));
  say(`Wrote ${path}.svg and .cpuprofile.`);
}

function reportOf(servers: readonly Measured[], what: string): BenchmarkReport {
  const rows = servers.map(({ name, samples }) => {
    const cpuUs = median(samples.map((sample) => sample.cpuUs));
    return { name, cpuUs, perSecond: median(samples.map((sample) => sample.perSecond)) };
  });
  return {
    lines: rows.map(
      ({ name, cpuUs, perSecond }) =>
        `${name.padEnd(20)} ${what}: ${cpuUs.toFixed(1)} us of CPU per request, ${perSecond.toFixed(0)} per second`,
    ),
    figures: { what, rows },
  };
}
