/**
 * `npm run bench -- put`: what a PUT costs Forebay beside the least that it could: a process that reads the
 * same bytes from a socket, hashes them as the client asked, and writes them to another.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { MiB } from '@forebay/core/bytes';
import { crc32 } from '@node-rs/crc32';
import { treeCpuMicros } from 'forebay/bench/process-cpu';
import { type S3Call, SigningS3Client } from 'forebay/demo/s3-client';
import { untilIdle } from './src/cpu.ts';
import { type BenchmarkContext, type BenchmarkReport, runBenchmark, say } from './src/frame.ts';
import { memoryOf, peakMemoryOf } from './src/memory.ts';
import { startForebay, startUfs, tempDirectory } from './src/servers.ts';

const sizeBytes = 64 * MiB;
const putsARound = 4;

await runBenchmark({
  usage: `Usage: npm run bench -- put [--quick] [--json]

PUTs of 64 MiB whose SHA-256 is signed, through Forebay (one worker) to a UFS, and the same bytes through a
process that only hashes and copies, in alternation.

`,
  run: measure,
});

async function measure({ quick, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const directory = tempDirectory(stack);
  const ufs = await startUfs(stack, directory);
  const mounts = [{ name: 'put' }];
  const forebay = await startForebay(stack, { directory, ufs, mounts, flags: ['--workers', '1'] });
  const client = new SigningS3Client(forebay, { connectionsMax: 1 });
  stack.defer(() => client.close());
  const floor = await startFloor(stack);
  const body = Buffer.allocUnsafe(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 4) body.writeUInt32LE(crc32(String(at)), at);
  const put = () => repeat(() => client.send(putOf(body)));
  const least = () => repeat(() => throughFloor(floor.port, body));
  say('Warming up.');
  await put();
  await least();
  const idle = memoryOf(forebay.pid)?.residentBytes ?? 0;
  const rounds = [];
  let peak = 0;
  for (let round = 1; round <= (quick ? 2 : 7); round += 1) {
    say(`Round ${round}.`);
    const measured = await peakMemoryOf(forebay.pid, () => cpuOf(forebay.pid, put));
    peak = Math.max(peak, measured.peak?.residentBytes ?? 0);
    rounds.push({ forebayUs: measured.result, leastUs: await cpuOf(floor.pid, least) });
  }
  const ratio = median(rounds.map(({ forebayUs, leastUs }) => forebayUs / leastUs));
  const of = (values: number[]) => `${(median(values) / 1000).toFixed(1)} ms`;
  const lines = [
    `PUT of 64 MiB, SHA-256 signed; medians of ${rounds.length} rounds of ${putsARound}, CPU per PUT`,
    `  Forebay                ${of(rounds.map(({ forebayUs }) => forebayUs))}`,
    `  hash and two copies    ${of(rounds.map(({ leastUs }) => leastUs))}`,
    `  ratio                  ${ratio.toFixed(2)}`,
    `  resident before, peak  ${Math.round(idle / MiB)} MiB, ${Math.round(peak / MiB)} MiB`,
  ];
  return { lines, figures: { rounds, ratio, idle, peak } };
}

function putOf(body: Buffer): S3Call {
  return { method: 'PUT', path: '/put/object', body };
}

async function repeat(once: () => Promise<unknown>): Promise<void> {
  for (let turn = 0; turn < putsARound; turn += 1) await once();
}

/** Microseconds for each PUT. */
async function cpuOf(pid: number, work: () => Promise<void>): Promise<number> {
  await untilIdle([pid]);
  const before = treeCpuMicros(pid) ?? 0;
  await work();
  await untilIdle([pid]);
  return ((treeCpuMicros(pid) ?? 0) - before) / putsARound;
}

/** The process, and here, where its bytes end. */
async function startFloor(stack: AsyncDisposableStack): Promise<{ pid: number; port: number }> {
  const sink = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await once(sink, 'listening');
  stack.defer(() => void sink.close());
  const { port: sinkPort } = sink.address() as { port: number };
  const child = fork(join(import.meta.dirname, 'src/put-floor-process.ts'), [String(sinkPort)]);
  stack.defer(() => void child.kill());
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { pid: child.pid!, port };
}

async function throughFloor(port: number, body: Buffer): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.end(body);
  socket.resume();
  await once(socket, 'close');
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
