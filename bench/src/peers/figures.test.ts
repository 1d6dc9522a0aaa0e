/** Rows and verdicts from made samples. */
import { Histogram } from 'forebay/bench/histogram';
import { describe, expect, it } from 'vitest';
import { type PeerSample, p99GapMs, peerRows, verdicts } from './figures.ts';

function sample(peer: string, round: number, cpuPerRequestUs: number, more: Partial<PeerSample> = {}) {
  const times = new Histogram();
  for (const us of [100, 200, 300]) times.record(us);
  const outcome = { requests: 3, bytes: 3000, elapsedMs: 1000, failures: {}, times: times.toJSON() };
  const cpuUs = cpuPerRequestUs * 3;
  const setting = { distanceMs: 0, temperature: 'warm', size: '4KiB', residentBytes: round } as const;
  return { peer, round, outcome, cpuUs, ...setting, ...more } satisfies PeerSample;
}

describe('rows', () => {
  it('compare within a round, so that a busy round does not count against one of them', () => {
    const samples = [
      ...[sample('forebay', 0, 30), sample('nginx', 0, 10)],
      // Twice as slow for both.
      ...[sample('nginx', 1, 20), sample('forebay', 1, 60)],
      ...[sample('forebay', 2, 40), sample('nginx', 2, 10)],
    ];
    const [forebay, nginx] = peerRows(samples);
    expect(forebay).toMatchObject({ peer: 'forebay', rounds: 3, requests: 9, cpuUs: 40, cpuToForebay: 1 });
    expect(nginx?.cpuToForebay).toBeCloseTo(1 / 3);
    expect(nginx).toMatchObject({ p50Us: 200, requestsPerSecond: 3, bytesPerSecond: 3000, residentBytes: 2 });
    expect(verdicts(samples)).toEqual([
      { size: '4KiB', what: 'to nginx', ratio: 3, bound: 3.9, goal: 3, reached: 'goal' },
    ]);
  });

  it('keep settings apart, and count what failed', () => {
    const failures = { 'status 503': 2 };
    const { outcome } = sample('nginx', 0, 1);
    const rows = peerRows([
      sample('nginx', 0, 10),
      sample('nginx', 0, 50, { temperature: 'cold', outcome: { ...outcome, failures } }),
      sample('nginx', 0, 20, { distanceMs: 40 }),
    ]);
    expect(rows.map(({ cpuUs }) => cpuUs)).toEqual([10, 50, 20]);
    expect(rows.map((row) => row.failures)).toEqual([{}, failures, {}]);
    expect(rows[0]?.cpuToForebay).toBeNull();
  });
});

describe('verdicts', () => {
  it('hold S3 servers to half, two workers to one, and two processes to two', () => {
    const samples = [
      sample('forebay', 0, 40),
      sample('forebay-2', 0, 44),
      sample('forebay-hop', 0, 60),
      sample('nginx-hop', 0, 20),
      sample('minio', 0, 100),
      sample('rclone', 0, 75),
      sample('versitygw', 0, 50),
    ];
    expect(verdicts(samples).map(({ what, reached }) => `${what}: ${reached}`)).toEqual([
      '2 workers to 1: bound',
      'clustered to nginx, twice: no',
      'to rclone: within 10%',
      'to versitygw: no',
      'to minio: bound',
    ]);
  });
});

describe('half load', () => {
  it('is compared by p99, round by round', () => {
    const at = (peer: string, round: number, p99Us: number) => {
      const times = new Histogram();
      times.record(p99Us);
      const made = sample(peer, round, 1, { temperature: 'half load' });
      return { ...made, outcome: { ...made.outcome, times: times.toJSON() } };
    };
    const rounds = [
      [3000, 1000],
      [9000, 8000],
      [50_000, 1000],
    ] as const;
    const samples = rounds.flatMap(([forebay, nginx], round) => [
      at('forebay', round, forebay),
      at('nginx', round, nginx),
    ]);
    expect(p99GapMs(samples)).toBeCloseTo(2);
    expect(p99GapMs(samples.filter(({ peer }) => peer !== 'nginx'))).toBeNull();
  });
});
