/**
 * Traces, as a collector gets them: one trace from the client over gateway and cache node to the UFS, with
 * what was sent again, and none of requests that nobody asked to trace.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { Cluster } from '../support/cluster/cluster.ts';
import { openNetwork } from '../support/cluster/network.ts';
import { contentOf } from '../support/content.ts';
import { type MemoryS3, startMemoryS3 } from '../support/memory-s3.ts';
import { type CollectedSpan, type OtlpCollector, startOtlpCollector } from '../support/otlp-collector.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

interface Asked {
  readonly traceId: string;
  readonly spanId: string;
  readonly headers: Readonly<Record<string, string>>;
}

function traced(flags: '00' | '01' = '01'): Asked {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-${flags}` } };
}

/** The whole trace: its spans arrive as their processes send them, each second. */
async function traceOf(
  collector: OtlpCollector,
  { traceId, spanId }: Asked,
  { names, processes = 1 }: { readonly names: readonly string[]; readonly processes?: number },
) {
  const all = await until(`spans ${names.join(', ')} of ${processes} processes`, () => {
    const spans = collector.spans.filter((span) => span.traceId === traceId);
    const known = new Set([spanId, ...spans.map((span) => span.spanId)]);
    const isWhole =
      names.every((name) => spans.some((span) => span.name === name)) &&
      spans.every(({ parentSpanId }) => known.has(parentSpanId ?? '')) &&
      new Set(spans.map(({ pid }) => pid)).size >= processes;
    return isWhole && spans;
  });
  const byId = new Map(all.map((span) => [span.spanId, span]));
  const one = (name: string) => all.find((span) => span.name === name)!;
  /** From a span up to the first one that the collector does not have. */
  const way = (span: CollectedSpan): string[] => {
    const above = byId.get(span.parentSpanId ?? '');
    return [span.name, ...(above ? way(above) : [])];
  };
  return { all, one, way };
}

const needed = await needs('versitygw');
describe('serve with two workers', needed, () => {
  let collector: OtlpCollector;
  let bucket: CachedBucket;

  beforeAll(async () => {
    collector = await startOtlpCollector();
    const flags = ['--workers', '2', '--otlp-endpoint', collector.endpoint, '--trace-ratio', '0'];
    bucket = await startCachedBucket({ flags: [...flags, '--access-log', 'on'] });
    await bucket.direct.send({ method: 'PUT', path: '/lake/a', body: contentOf(1, 3_000_000) });
  });
  afterAll(async () => {
    await bucket?.stop();
    await collector?.stop();
  });

  it('tells of a cold read: the worker, the owner, and what was sent to the UFS, twice', async () => {
    const { proxy, client } = bucket;
    const asked = traced();
    const { traceId, spanId, headers } = asked;
    proxy.reset();
    proxy.fail(503, 1, ({ method }) => method === 'GET');
    const { status, headers: answered } = await client.send({ path: '/lake/a', headers });
    expect(status).toBe(200);
    const names = ['GetObject', 'authenticate', 'open', 'node open', 'ufs get', 'GET', 'read'];
    const { all, one, way } = await traceOf(collector, asked, { names });

    const request = one('GetObject');
    expect(request.parentSpanId).toBe(spanId);
    expect(request.kind).toBe(2);
    expect(request.facts).toMatchObject({
      'http.response.status_code': 200,
      'http.response.body.size': 3_000_000,
      'aws.request_id': answered['x-amz-request-id'],
      'aws.s3.bucket': 'lake',
      'aws.s3.key': 'a',
      'forebay.cache': 'MISS',
    });
    expect(one('open').facts).toMatchObject({ 'forebay.cache': 'MISS', 'forebay.pages.hit': 0 });
    expect(one('node open').pid).not.toBe(request.pid);
    expect([request.role, one('node open').role]).toEqual(['worker', 'serve']);
    expect(one('ufs get').events).toEqual(['retry']);
    const sent = all.filter(({ name }) => name === 'GET');
    for (const span of sent) {
      expect(way(span).slice(-5)).toEqual(['GET', 'ufs get', 'node open', 'open', 'GetObject']);
    }
    expect(sent.map(({ facts }) => facts['http.response.status_code'])).toContain(200);

    const parents = proxy.requests.map((one) => one.headers.traceparent);
    expect(parents.slice(0, 2).sort()).toEqual(
      sent
        .slice(0, 2)
        .map((span) => `00-${traceId}-${span.spanId}-01`)
        .sort(),
    );
    expect(bucket.forebay.log()).toContain(`"trace":"${traceId}"`);
  });

  it('tells of a hit, which asks nobody', async () => {
    await bucket.client.send({ path: '/lake/a' });
    const asked = traced();
    await bucket.client.send({ path: '/lake/a', headers: asked.headers });
    const { all, one } = await traceOf(collector, asked, { names: ['GetObject', 'open'] });
    expect(one('open').facts).toMatchObject({ 'forebay.cache': 'HIT' });
    expect(all.some(({ name }) => name.startsWith('ufs'))).toBe(false);
  });

  it('tells of a write: its fences and the one request that carries the body', async () => {
    const asked = traced();
    bucket.proxy.reset();
    const body = contentOf(2, 100_000);
    const { status } = await bucket.client.send({
      method: 'PUT',
      path: '/lake/b',
      headers: asked.headers,
      body,
    });
    expect(status).toBe(200);
    const names = ['PutObject', 'begin write', 'node beginWrite', 'ufs put', 'end write', 'node endWrite'];
    const { one, way } = await traceOf(collector, asked, { names });
    expect(way(one('node beginWrite'))).toEqual(['node beginWrite', 'begin write', 'PutObject']);
    const put = bucket.proxy.requests.find(({ method }) => method === 'PUT')!;
    expect(put.headers.traceparent).toBe(`00-${asked.traceId}-${one('ufs put').spanId}-01`);
  });

  it('tells of a refusal whose it was', async () => {
    const asked = traced();
    const { status } = await bucket.client.send({ path: '/lake/missing', headers: asked.headers });
    expect(status).toBe(404);
    const { one } = await traceOf(collector, asked, { names: ['GetObject'] });
    expect(one('GetObject').facts).toMatchObject({ 'error.type': 'NoSuchKey' });
    expect(one('GetObject').isFailed).toBe(false);
  });

  it('does not trace what nobody asked for, until the ratio says so at run time', async () => {
    const { forebay, client, proxy } = bucket;
    const unsampled = traced('00');
    proxy.reset();
    await client.send({ path: '/lake/b', headers: unsampled.headers });
    await client.send({ path: '/lake/b', headers: { traceparent: 'nonsense' } });
    expect(proxy.requests.every(({ headers }) => headers.traceparent === undefined)).toBe(true);

    const pair = Buffer.from(`${forebay.accessKey}:${forebay.secretKey}`).toString('base64');
    const set = await fetch(`${forebay.admin}/api/v1/settings/traceRatio`, {
      method: 'PUT',
      headers: { authorization: `Basic ${pair}`, 'content-type': 'application/json' },
      body: '{"value": "1"}',
    });
    expect(set.status).toBe(200);
    const { headers } = await client.send({ path: '/lake/b' });
    const id = headers['x-amz-request-id'];
    await until('the request is traced', () => collector.spans.some((s) => s.facts['aws.request_id'] === id));
    // All spans before it are there as well, in the order in which they ended.
    expect(collector.spans.some(({ traceId }) => traceId === unsampled.traceId)).toBe(false);
  });
});

describe('a cluster', () => {
  let collector: OtlpCollector;
  let ufs: MemoryS3;
  let cluster: Cluster;

  beforeAll(async () => {
    const network = openNetwork();
    collector = await startOtlpCollector(network.host);
    ufs = await startMemoryS3({ host: network.host });
    await fetch(`${ufs.endpoint}/lake/a`, { method: 'PUT', body: contentOf(3, 12_000_000) });
    const where = `endpoint=${ufs.endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`;
    cluster = await Cluster.start({
      ...{ nodes: 2, gateways: 1, network },
      mounts: [{ path: '/lake', ufs: `s3://lake?${where}&ttl=1h&pageSize=256KiB` }],
      env: {
        ...{ UFS_ACCESS_KEY_ID: ufs.accessKey, UFS_SECRET_ACCESS_KEY: ufs.secretKey },
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      },
      flags: { registry: ['--segment-size', '1MiB'] },
    });
  });
  afterAll(async () => {
    await cluster?.stop();
    await ufs?.stop();
    await collector?.stop();
  });

  it('has gateway, home, owners and UFS in one trace', async () => {
    const client = new WireClient(cluster.endpoint(0));
    const asked = traced();
    const { spanId } = asked;
    const { status, body } = await client.send({ path: '/lake/a', headers: asked.headers });
    client.close();
    expect([status, body.length]).toEqual([200, 12_000_000]);
    const names = ['GetObject', 'node open', 'node read', 'ufs get', 'GET'];
    const { all, one, way } = await traceOf(collector, asked, { names, processes: 3 });
    expect(one('GetObject')).toMatchObject({ parentSpanId: spanId, role: 'gateway' });
    expect(way(one('node open'))).toEqual(['node open', 'open', 'GetObject']);
    for (const span of all.filter(({ name }) => name === 'node read' || name === 'ufs get')) {
      expect(span.role).toBe('cache-node');
      expect(way(span).at(-1)).toBe('GetObject');
    }
  });
});
