import { Metrics } from '@forebay/core/metrics';
import { expect, it } from 'vitest';
import { declareCircuits, declareUfsMetrics, meteredUfs } from './metered.ts';
import { bytesOf, openStore, reply } from './s3/testing/raw-server.ts';
import type { CircuitState } from './ufs-use.ts';

/** `get ok`, ... by how often. */
async function countsOf(metrics: Metrics, name: string): Promise<Record<string, number>> {
  const samples = await metrics.samples(name);
  return Object.fromEntries(
    samples.map(({ labels: { mount, ...labels }, value }) => [Object.values(labels).join(' '), value]),
  );
}

it('counts what is sent again as a request too, by the mount that sent it', async () => {
  const { ufs, server } = await openStore(({ write, index }) => write(reply(index === 1 ? 503 : 200)));
  const metrics = new Metrics();
  const declared = declareUfsMetrics(metrics);
  const used = meteredUfs(ufs, { path: '/lake', hedge: false }, declared);
  for (let turn = 0; turn < 3; turn += 1) await used.head('k');
  await meteredUfs(ufs, { path: '/other', hedge: false }, declared).checkBucket();
  expect(await countsOf(metrics, 'forebay_ufs_requests_total')).toEqual({
    'head ok': 3,
    'retry 503': 1,
    'check_bucket ok': 1,
  });
  expect(await countsOf(metrics, 'forebay_ufs_retries_total')).toEqual({ 503: 1 });
  expect(server.requests).toHaveLength(5);
});

it('counts what is sent a second time as a request too, by what came of it', async () => {
  let late = 0;
  const { ufs } = await openStore(
    ({ write, target }) => {
      if (target === '/lake/late') late += 1;
      // The first of it for ever.
      if (late !== 1) write(reply(200, 'x', ['etag: "e"']));
    },
    { hedge: { share: 1, delayMinMs: 1, factor: 0 } },
  );
  const metrics = new Metrics();
  const used = meteredUfs(ufs, { path: '/lake' }, declareUfsMetrics(metrics));
  for (let turn = 0; turn < 32; turn += 1) await bytesOf((await used.get('k')).body);
  await bytesOf((await used.get('late')).body);
  expect(await countsOf(metrics, 'forebay_ufs_hedges_total')).toEqual({ won: 1 });
  expect(await countsOf(metrics, 'forebay_ufs_requests_total')).toEqual({ 'get ok': 33, 'hedge ok': 1 });
});

it('sends nothing a second time for who is patient', async () => {
  const { ufs } = await openStore(
    ({ write, target }) =>
      void setTimeout(() => write(reply(200, 'x', ['etag: "e"'])), target === '/lake/late' ? 50 : 0),
    { hedge: { share: 1, delayMinMs: 1, factor: 0 } },
  );
  const metrics = new Metrics();
  const used = meteredUfs(ufs, { path: '/lake' }, declareUfsMetrics(metrics));
  for (let turn = 0; turn < 32; turn += 1) await bytesOf((await used.get('k')).body);
  await bytesOf((await used.get('late', { patient: true })).body);
  const { 'hedge ok': hedges, 'get ok': gets } = await countsOf(metrics, 'forebay_ufs_requests_total');
  expect({ hedges, gets }).toEqual({ hedges: undefined, gets: 33 });
});

it('counts the bytes that the UFS has taken, and none that it refused', async () => {
  const { ufs } = await openStore(({ write, index }) =>
    write(reply(index === 0 ? 403 : 200, '', ['etag: "e"'])),
  );
  const metrics = new Metrics();
  const used = meteredUfs(ufs, { path: '/lake' }, declareUfsMetrics(metrics));
  const upload = (text: string) => ({
    sizeBytes: text.length,
    body: (async function* () {
      yield Buffer.from(text);
    })(),
    headers: [],
  });
  await expect(used.put('k', upload('refused'))).rejects.toThrow();
  await used.put('k', upload('taken'));
  await used.uploadPart('k', { ...upload('a part'), uploadId: 'u', partNumber: 1 });
  expect(await metrics.samples('forebay_ufs_written_bytes_total')).toEqual([
    { labels: { mount: '/lake' }, value: 'taken'.length + 'a part'.length },
  ]);
});

it('shows of each mount whether its UFS is asked', async () => {
  const metrics = new Metrics();
  const circuits = new Map<string, CircuitState>([
    ['/a', 'closed'],
    ['/b', 'half-open'],
    ['/c', 'open'],
  ]);
  declareCircuits(metrics, () => circuits);
  const shown = async () => {
    const samples = await metrics.samples('forebay_ufs_circuit_state');
    return samples.map(({ labels, value }) => [labels.mount, value]);
  };
  expect(await shown()).toEqual([
    ['/a', 0],
    ['/b', 1],
    ['/c', 2],
  ]);
  circuits.clear();
  expect(await shown()).toEqual([]);
});
