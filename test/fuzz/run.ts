/**
 * A fuzzer over raw HTTP: a real `forebay serve` gets inputs that no client should send. After each: an S3
 * answer or a closed connection, in time. At the end: the server as it was, its memory, its descriptors, its
 * fences, its objects, and a log without a fault of its own.
 */
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { MiB } from '@forebay/core/bytes';
import { type ForebayProcess, startForebay } from '../support/forebay-process.ts';
import { metric } from '../support/metrics.ts';
import { Random } from '../support/random.ts';
import { tempDir } from '../support/temp.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';
import { bucket, type FuzzInput } from './input.ts';
import { faultOf } from './judge.ts';
import { rawInputs } from './raw-inputs.ts';
import { type Outcome, send } from './send.ts';
import { signedInputs } from './signed-inputs.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly count: number;
  /** Only this input. */
  readonly only?: number | undefined;
  readonly onProgress?: (done: number, memoryBytes: number) => void;
}

export interface FuzzReport {
  readonly seed: number;
  readonly count: number;
  /** How inputs ended, by kind: `400 InvalidArgument`, or `closed` and the like without an answer. */
  readonly outcomes: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly slowest: { readonly ms: number; readonly index: number; readonly kind: string };
  /** Resident memory after a tenth of the inputs, at most, and at the end. */
  readonly memoryBytes: { readonly warm: number; readonly max: number; readonly end: number };
  readonly descriptors: { readonly start: number; readonly end: number };
  /** What was wrong, in words; empty where nothing was. */
  readonly faults: readonly string[];
}

const connections = 128;
/** Of one input. The server's own timeouts are a second each. */
const deadlineMs = 30_000;
const faultsMax = 20;
/** What memory may grow by after a tenth of the inputs; a short run ends before the heap has its size. */
const growthBytesMax = 64 * MiB;
const growthCountMin = 50_000;
/** What it may never be. */
const memoryBytesMax = 768 * MiB;

const generators = Object.entries({ ...rawInputs, ...signedInputs });
const weightSum = generators.reduce((sum, [, [weight]]) => sum + weight, 0);

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const directory = join(tempDir('fuzz'), 'bucket');
  mkdirSync(directory);
  const forebay = await startForebay({
    mounts: [`/${bucket}=file://${directory}`],
    // Caches that are full long before a tenth of the inputs: what grows after that is no cache.
    flags: [
      ...['--headers-timeout', '1s', '--idle-timeout', '1s', '--keep-alive-timeout', '1s'],
      ...['--memory-size', '8MiB', '--info-memory-entries-max', '500'],
    ],
  });
  const client = new WireClient(forebay);
  try {
    const run = new FuzzRun(forebay, client, options);
    await run.prepare();
    await run.sendAll();
    return await run.report();
  } finally {
    client.close();
    await forebay.remove();
  }
}

class FuzzRun {
  readonly #forebay: ForebayProcess;
  readonly #client: WireClient;
  readonly #options: FuzzOptions;
  readonly #outcomes: Record<string, Record<string, number>> = {};
  readonly #faults: string[] = [];
  readonly #uploads: [string, string][] = [];
  readonly #witness = Buffer.from('what nobody touches');
  readonly #memory = { warm: 0, max: 0, end: 0 };
  #descriptors = 0;
  #done = 0;
  #slowest = { ms: 0, index: 0, kind: '' };

  constructor(forebay: ForebayProcess, client: WireClient, options: FuzzOptions) {
    this.#forebay = forebay;
    this.#client = client;
    this.#options = options;
  }

  async prepare(): Promise<void> {
    await this.#client.put(`/${bucket}/witness`, this.#witness);
    await this.#client.put(`/${bucket}/k0`, Buffer.from('some content'));
    // The first key that no directory can hold opens an index, which stays open.
    await this.#client.put(`/${bucket}/a//b`, Buffer.from('odd'));
    for (const key of ['upload-a', 'upload-b']) {
      const created = await this.#client.send({
        method: 'POST',
        path: `/${bucket}/${key}`,
        query: [['uploads', '']],
      });
      this.#uploads.push([key, /<UploadId>([^<]+)</.exec(created.body.toString())![1]!]);
    }
    await until('connections are closed', async () => (await this.#openConnections()) === 0);
    this.#descriptors = descriptorsOf(this.#forebay.pid);
  }

  async sendAll(): Promise<void> {
    const { count, only } = this.#options;
    let next = only ?? 0;
    const end = only === undefined ? count : only + 1;
    const worker = async () => {
      while (next < end && this.#faults.length < faultsMax) {
        next += 1;
        await this.#sendOne(next - 1);
      }
    };
    await Promise.all(Array.from({ length: Math.min(connections, end - next) }, worker));
  }

  async #sendOne(index: number): Promise<void> {
    const { kind, input } = this.#inputOf(index);
    const startedMs = performance.now();
    const outcome = await send(Number(new URL(this.#forebay.endpoint).port), input, deadlineMs);
    const ms = Math.round(performance.now() - startedMs);
    if (ms > this.#slowest.ms) this.#slowest = { ms, index, kind };
    const counts = this.#outcomes[kind] ?? {};
    this.#outcomes[kind] = counts;
    const ended = outcomeOf(outcome);
    counts[ended] = (counts[ended] ?? 0) + 1;
    const fault = faultOf(outcome, input.isHead === true);
    if (fault) this.#faults.push(`input ${index} (${kind}): ${fault}`);
    this.#done += 1;
    if (this.#done % 500 === 0) this.#sample();
  }

  #inputOf(index: number): { kind: string; input: FuzzInput } {
    const random = new Random(Math.imul(this.#options.seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
    let left = random.next() * weightSum;
    const [kind, [, generate]] = generators.find(([, [weight]]) => {
      left -= weight;
      return left < 0;
    })!;
    return { kind, input: generate({ random, server: this.#forebay, uploads: this.#uploads }) };
  }

  #sample(): void {
    const bytes = residentBytesOf(this.#forebay.pid);
    this.#memory.max = Math.max(this.#memory.max, bytes);
    if (this.#memory.warm === 0 && this.#done >= this.#options.count / 10) this.#memory.warm = bytes;
    this.#options.onProgress?.(this.#done, bytes);
  }

  async report(): Promise<FuzzReport> {
    if (this.#faults.length < faultsMax) await this.#judgeServer();
    return {
      seed: this.#options.seed,
      count: this.#done,
      outcomes: this.#outcomes,
      slowest: this.#slowest,
      memoryBytes: this.#memory,
      descriptors: { start: this.#descriptors, end: descriptorsOf(this.#forebay.pid) },
      faults: this.#faults,
    };
  }

  async #judgeServer(): Promise<void> {
    await this.#expect('connections stay open', async () => (await this.#openConnections()) === 0);
    await this.#expect(
      'fences stay open',
      async () => (await metric(this.#forebay, 'forebay_fences_open')) === 0,
    );
    await this.#expect(
      'requests stay in flight',
      async () => (await metric(this.#forebay, 'forebay_requests_in_flight')) === 0,
    );
    const witness = await this.#client.send({ path: `/${bucket}/witness` });
    if (!witness.body.equals(this.#witness)) this.#faults.push('an object changed that nobody wrote');
    this.#client.close();
    await this.#expect('descriptors leak', async () => descriptorsOf(this.#forebay.pid) <= this.#descriptors);
    this.#memory.end = residentBytesOf(this.#forebay.pid);
    const { warm, max, end } = this.#memory;
    const isLong = this.#done >= growthCountMin;
    if (max > memoryBytesMax) this.#faults.push(`memory went up to ${max} bytes`);
    if (isLong && end > warm + growthBytesMax) this.#faults.push(`memory grew from ${warm} to ${end} bytes`);
    for (const line of this.#forebay.log().split('\n').filter(isFault).slice(0, 5)) {
      this.#faults.push(`the log says: ${line.slice(0, 1500)}`);
    }
  }

  async #expect(fault: string, isRight: () => Promise<boolean>): Promise<void> {
    try {
      await until(fault, isRight);
    } catch (error) {
      this.#faults.push(`${fault}: ${String(error)}`);
    }
  }

  async #openConnections(): Promise<number> {
    return connectionsTo(this.#forebay.pid, Number(new URL(this.#forebay.endpoint).port));
  }
}

/** `400 InvalidArgument`, or how it ended without an answer. Of several answers the first. */
function outcomeOf({ received, end }: Outcome): string {
  const text = received.toString('latin1');
  const status = /^HTTP\/1\.1 ([2-5]\d\d)/m.exec(text)?.[1];
  if (status === undefined) return end;
  const code = Number(status) < 300 ? undefined : /<Code>(\w+)<\/Code>/.exec(text)?.[1];
  return code === undefined ? status : `${status} ${code}`;
}

function isFault(line: string): boolean {
  return /fault of ours|outside the pipeline|unhandled|uncaught|"level":"?(error|fatal|50|60)/i.test(line);
}

function residentBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

/** Of sockets and all else but the cache's own files, of which a bounded number is kept open. */
function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((name) => !isOfCache(`/proc/${pid}/fd/${name}`)).length;
}

/** Established connections to a loopback port of this machine, as the server sees them. */
function connectionsTo(pid: number, port: number): number {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n').slice(1);
  return lines.filter((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    return local.endsWith(wanted) && state !== '0A' && state !== '06';
  }).length;
}

function isOfCache(descriptor: string): boolean {
  try {
    return readlinkSync(descriptor).includes('/cache/');
  } catch {
    // Closed meanwhile.
    return true;
  }
}
