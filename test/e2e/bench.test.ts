/** `forebay bench` against a real `forebay serve`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { type ForebayProcess, startForebay } from '../support/forebay-process.ts';
import { run, startProcess, untilReady } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';

const program = resolve(import.meta.dirname, '../../cli/src/main.ts');
const directory = tempDir('bench');
const forebay: ForebayProcess = await startForebay({ flags: ['--access-log', 'on', '--log-level', 'info'] });
const env = {
  ...process.env,
  FOREBAY_ACCESS_KEY: forebay.accessKey,
  FOREBAY_SECRET_KEY: forebay.secretKey,
};
const small = ['--size', '8KiB', '--objects', '5', '--concurrency', '4', '--warmup', '100ms'];

function benchArgs(args: readonly string[]): string[] {
  return [program, 'bench', '--endpoint', forebay.endpoint, ...args];
}

async function bench(args: readonly string[]) {
  return run(process.execPath, benchArgs(args), { env });
}

interface Figures {
  readonly operations: readonly { readonly operation: string; readonly requests: number }[];
  readonly errors: Readonly<Record<string, number>>;
  readonly servers: readonly { readonly pid: number; readonly cpuUsPerRequest?: number }[];
}

async function figuresOf(args: readonly string[]): Promise<Figures> {
  const { code, stdout, stderr } = await bench([...args, '--json', '-']);
  expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Figures;
}

it('mixes reads and writes from two processes, checks every byte and finds the server', async () => {
  const csv = join(directory, 'out.csv');
  const mixed = ['--workload', 'mixed', '--read-ratio', '0.5', '--processes', '2', '--duration', '1s'];
  const flags = ['--bucket', 'local', ...small, ...mixed, '--verify', '--csv', csv];
  const figures = await figuresOf(flags);
  expect(figures.errors).toEqual({});
  expect(figures.operations.map(({ operation }) => operation)).toEqual(['read', 'write']);
  for (const { requests } of figures.operations) expect(requests).toBeGreaterThan(0);
  const [server, ...others] = figures.servers;
  expect(others).toEqual([]);
  expect(server?.pid).toBe(forebay.pid);
  expect(server?.cpuUsPerRequest).toBeGreaterThan(0);
  const [head, read, write] = readFileSync(csv, 'utf8').split('\n');
  expect(head).toMatch(/^operation,requests,bytes,seconds,/);
  expect([read, write]).toEqual([expect.stringMatching(/^read,/), expect.stringMatching(/^write,/)]);
});

it('reads ranges, replays them from the access log, and removes its objects', async () => {
  const ranges = ['--workload', 'ranges', '--range-size', '100', '--duration', '500ms', '--rate', '40'];
  await figuresOf(['--bucket', 'local', ...small, ...ranges, '--prefix', 'kept/', '--verify']);
  const log = join(directory, 'access.log');
  writeFileSync(log, forebay.log());
  const replay = ['--workload', 'replay', '--log', log, '--speed', 'max', '--verify'];
  const { operations, errors } = await figuresOf(replay);
  expect(errors).toEqual({});
  const logged = readFileSync(log, 'utf8').split('\n');
  const sent = logged.filter((line) => /"op":"GetObject".*"range":"bytes=.*"status":206/.test(line)).length;
  expect(sent).toBeGreaterThan(0);
  expect(operations.find(({ operation }) => operation === 'read')?.requests).toBeGreaterThanOrEqual(sent);

  await figuresOf(['--bucket', 'local', ...small, '--prefix', 'kept/', '--duration', '100ms', '--cleanup']);
  const gone = await bench(replay);
  expect(gone.stdout).toMatch(/404 NoSuchKey \d+/);
});

it('says what it measured when it is stopped by Ctrl-C, and ends with 130', async () => {
  const load = startProcess(
    process.execPath,
    benchArgs(['--bucket', 'local', ...small, '--duration', '1h']),
    {
      env,
    },
  );
  await untilReady(load, async () => /\d+ requests in the last second/.test(load.log()));
  expect(await load.stop('SIGINT')).toEqual({ code: 130, signal: null });
  expect(load.log()).toContain('(stopped before its time)');
  expect(load.log()).toMatch(/^read +\d+ /m);
  expect(load.log()).toContain('no errors');
});

it('counts errors by their codes', async () => {
  const other = { ...env, FOREBAY_SECRET_KEY: 'not-the-secret-key' };
  const write = ['--bucket', 'local', ...small, '--workload', 'write', '--duration', '200ms'];
  const { code, stdout, stderr } = await run(process.execPath, benchArgs(write), { env: other });
  expect(stdout).toMatch(/ERRORS: 403 SignatureDoesNotMatch \d+/);
  expect([code, stderr.split('\n').at(-2)]).toEqual([1, 'forebay: no request succeeded']);
});
