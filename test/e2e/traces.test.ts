/**
 * Traces, as a collector gets them: one trace from the client over gateway and cache node to the UFS, with
 * what was sent again, and none of requests that nobody asked to trace.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { contentOf } from '../support/content.ts';
import { type OtlpCollector, startOtlpCollector } from '../support/otlp-collector.ts';
import { needs } from '../support/tools.ts';
import { traced, traceOf } from '../support/traced.ts';
import { until } from '../support/until.ts';

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
