/**
 * `npm run bench -- logs`: what access log and traces cost a warm, signed GET, and what they cost while they
 * are off. Servers that differ in that alone are measured in turns; one of them is there twice, so that the
 * noise of the run is seen.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { KiB } from '@forebay/core/bytes';
import { contentOf } from 'forebay/bench/content';
import { startServe } from 'forebay/demo/serve-child';
import { type BenchmarkContext, type BenchmarkReport, numberFlag, runBenchmark, say } from './src/frame.ts';
import { HotClient } from './src/hot-client.ts';
import { type HotSample, hotSample } from './src/hot-sample.ts';
import { median } from './src/report.ts';
import { tempDirectory } from './src/servers.ts';

const sizeBytes = 4 * KiB;
const keys = { accessKey: 'BENCHFOREBAYKEY', secretKey: 'bench-forebay-secret-key' };

await runBenchmark({
  usage: `Usage: npm run bench -- logs [FLAGS]

CPU per warm, signed GET of 4 KiB with access log and traces off and on, in turns.

  --objects N          so many of them, in turn (64)
  --connections N      (16)
  --seconds N          of each round (2)
  --rounds N           (7)
  --against CHECKOUT   another one, with all of it off, measured in turns as well
`,
  options: {
    objects: { type: 'string' },
    connections: { type: 'string' },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    against: { type: 'string' },
  },
  run: measure,
});

interface Case {
  readonly name: string;
  readonly flags: readonly string[];
  readonly checkout?: string;
}

interface Measured {
  readonly name: string;
  readonly pid: number;
  readonly client: HotClient;
  readonly samples: HotSample[];
}

async function measure({ quick, flags, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const objects = numberFlag(flags, 'objects', 64);
  const connections = numberFlag(flags, 'connections', 16);
  const seconds = numberFlag(flags, 'seconds', quick ? 1 : 2);
  const rounds = numberFlag(flags, 'rounds', quick ? 3 : 7);
  const directory = tempDirectory(stack);
  const data = join(directory, 'objects');
  mkdirSync(data);
  for (let object = 0; object < objects; object += 1) {
    writeFileSync(join(data, String(object)), contentOf(object, sizeBytes));
  }
  const collector = await startCollector(stack);
  const servers: Measured[] = [];
  for (const { name, flags: own, checkout } of casesOf(directory, collector, flags.against)) {
    const place = join(directory, `server-${servers.length}`);
    mkdirSync(place);
    const child = await startServe({
      ...{ name, directory: place, ...keys, mounts: [`/bench=file://${data}?ttl=1h`] },
      flags: ['--workers', '1', ...own],
      ...(checkout !== undefined && { checkout }),
      signal: new AbortController().signal,
    });
    stack.defer(() => child.stop());
    const job = { ...keys, port: child.port, sizeBytes, objects, connections };
    const client = new HotClient({ ...job, method: 'GET', signed: true });
    stack.defer(() => client.stop());
    servers.push({ name, pid: child.pid, client, samples: [] });
  }
  for (let round = 0; round <= rounds; round += 1) {
    say(round === 0 ? 'Warming up.' : `Round ${round} of ${rounds}.`);
    for (const server of servers) {
      const sample = await hotSample(server, seconds * 1000);
      if (round > 0) server.samples.push(sample);
    }
  }
  return reportOf(servers);
}

function casesOf(directory: string, collector: string, against: unknown): Case[] {
  const log = (format: string) => [
    ...['--access-log', 'on', '--access-log-format', format],
    ...['--access-log-file', join(directory, `access-${format}.log`)],
  ];
  const traces = (ratio: string) => ['--otlp-endpoint', collector, '--trace-ratio', ratio];
  return [
    { name: 'all off', flags: [] },
    { name: 'all off, again', flags: [] },
    ...(typeof against === 'string'
      ? [{ name: 'the other checkout', flags: [], checkout: resolve(against) }]
      : []),
    { name: 'access log, JSON', flags: log('json') },
    { name: "access log, S3's format", flags: log('s3') },
    { name: 'traces, 1 in 100', flags: traces('0.01') },
    { name: 'traces of all', flags: traces('1') },
  ];
}

/** Takes what it is sent, and looks at nothing. */
async function startCollector(stack: BenchmarkContext['stack']): Promise<string> {
  const server = createServer((request, response) => {
    request
      .resume()
      .on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  stack.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function reportOf(servers: readonly Measured[]): BenchmarkReport {
  const rows = servers.map(({ name, samples }) => {
    const all = samples.map(({ cpuUs }) => cpuUs).sort((a, b) => a - b);
    return {
      name,
      cpuUs: median(all),
      leastUs: all[0] ?? Number.NaN,
      mostUs: all.at(-1) ?? Number.NaN,
      // Of the round in which both were measured: the machine was in one mood.
      overOff: median(samples.map(({ cpuUs }, round) => cpuUs / servers[0]!.samples[round]!.cpuUs)),
      perSecond: median(samples.map(({ perSecond }) => perSecond)),
    };
  });
  return {
    lines: [
      `${'GET of 4 KiB, warm'.padEnd(26)}CPU us  least..most   of off  per second`,
      ...rows.map(({ name, cpuUs, leastUs, mostUs, overOff, perSecond }) =>
        [
          name.padEnd(24),
          cpuUs.toFixed(1).padStart(8),
          `${leastUs.toFixed(1)}..${mostUs.toFixed(1)}`.padStart(13),
          overOff.toFixed(2).padStart(8),
          perSecond.toFixed(0).padStart(11),
        ].join(' '),
      ),
    ],
    figures: { rows },
  };
}
