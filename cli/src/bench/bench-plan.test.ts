/** The flags of `forebay bench`. */
import { describe, expect, it } from 'vitest';
import { type BenchFlags, planOf } from './bench-plan.ts';

const env = { FOREBAY_ACCESS_KEY: 'KEY', FOREBAY_SECRET_KEY: 'SECRET' };
const plan = (flags: BenchFlags) => planOf({ bucket: 'lake', ...flags }, env);

it('has defaults for all but the bucket', () => {
  expect(plan({})).toEqual({
    target: { endpoint: 'http://127.0.0.1:9000', accessKey: 'KEY', secretKey: 'SECRET' },
    bucket: 'lake',
    prefix: 'forebay-bench/',
    workload: 'read',
    sizeBytes: 1024 * 1024,
    rangeBytes: 64 * 1024,
    objects: 64,
    concurrency: 16,
    processes: 1,
    durationMs: 30_000,
    warmUpMs: 5000,
    readRatio: 0.9,
    zipf: 0,
    verify: false,
    seed: 1,
  });
});

it('reads what it is told', () => {
  const told = plan({ workload: 'ranges', size: '64MiB', rangeSize: '1MiB', zipf: '0.99', rate: '500' });
  expect(told).toMatchObject({ sizeBytes: 64 * 1024 ** 2, rangeBytes: 1024 ** 2, zipf: 0.99 });
  expect(told.requestsPerSecond).toBe(500);
  const replay = planOf({ workload: 'replay', log: 'a.log', speed: '2x' }, env);
  expect(replay.replay).toEqual({ file: 'a.log', speed: 2 });
  expect(planOf({ workload: 'replay', log: 'a.log', speed: 'max' }, env).replay?.speed).toBe(0);
});

it('takes the key pair of Forebay, else that of AWS, else none where it may', () => {
  const aws = { AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'B' };
  expect(planOf({ bucket: 'b' }, { ...aws, ...env }).target.accessKey).toBe('KEY');
  expect(planOf({ bucket: 'b' }, aws).target).toMatchObject({ accessKey: 'A', secretKey: 'B' });
  expect(planOf({ bucket: 'b', anonymous: true }, env).target).toEqual({ endpoint: 'http://127.0.0.1:9000' });
  expect(() => planOf({ bucket: 'b' }, { FOREBAY_ACCESS_KEY: 'alone' })).toThrow(/no key pair: set FOREBAY_/);
});

describe('what is wrong', () => {
  it.each<[BenchFlags, string]>([
    [{ bucket: undefined }, '--bucket must name'],
    [{ bucket: 'a/b' }, '--bucket must name'],
    [{ endpoint: 'ftp://x' }, '--endpoint must be http(s)://host:port, not "ftp://x"'],
    [{ endpoint: 'http://x/path' }, '--endpoint must be'],
    [{ workload: 'reads' }, '--workload must be one of read, write'],
    [{ size: '1 potato' }, '--size must be a size up to 2GiB, such as 1MiB, not "1 potato"'],
    [{ size: '3GiB' }, '--size must be'],
    [{ rangeSize: '0' }, '--range-size must be'],
    [{ workload: 'ranges', size: '1KiB' }, '--range-size is larger than --size'],
    [{ concurrency: '0' }, '--concurrency must be a whole number from 1'],
    [{ concurrency: '2', processes: '3' }, '--processes may not be more than --concurrency'],
    [{ duration: '30' }, '--duration must be a duration such as 30s'],
    [{ duration: '0' }, '--duration must be'],
    [{ readRatio: '2' }, '--read-ratio must be between 0 and 1'],
    [{ zipf: 'much' }, '--zipf must be'],
    [{ workload: 'replay' }, '--workload replay needs --log'],
    [{ workload: 'replay', log: 'a', speed: 'slow' }, '--speed must be a factor such as 2x, or max'],
  ])('%j is told by its flag', (flags, message) => {
    expect(() => plan(flags)).toThrow(message);
  });
});
