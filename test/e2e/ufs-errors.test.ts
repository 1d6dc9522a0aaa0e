/**
 * What the UFS says reaches every client as S3 says it: its code and status, the names that the client used,
 * and the ids of the client's own request, also where many clients share one request to the UFS.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { untilMetric, untilQuiet } from '../support/metrics.ts';
import { Gate } from '../support/proxy-rules.ts';
import { type S3Server, startVersitygw } from '../support/servers.ts';
import { needs } from '../support/tools.ts';
import { WireClient, type WireReply } from '../support/wire-client.ts';

const field = ({ body }: WireReply, name: string) =>
  new RegExp(`<${name}>([^<]*)</${name}>`).exec(body.toString())?.[1];

describe('errors of the UFS', await needs('versitygw'), () => {
  let server: S3Server;
  let proxy: CountingProxy;
  let forebay: ForebayProcess;
  let client: WireClient;

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('theirs');
    proxy = await startCountingProxy({ target: server });
    const { mount, env } = s3Mount('/lake', proxy, 'theirs');
    forebay = await startForebay({ mounts: [mount], env });
    client = new WireClient(forebay);
    await client.put('/lake/k', Buffer.from('text'));
    proxy.reset();
  });
  afterEach(async () => {
    proxy.clearRules();
    await untilQuiet(forebay);
    proxy.reset();
  });
  afterAll(async () => {
    client?.close();
    await forebay?.remove();
    await proxy?.stop();
    await server?.stop();
  });

  it.each([
    [403, 'AccessDenied'],
    [403, 'InvalidObjectState'],
    [400, 'KMS.DisabledException'],
    [404, 'NoSuchBucket'],
  ])('%i %s of one request to the UFS reaches all that share it', async (status, code) => {
    const gate = new Gate();
    proxy.rule({ hold: gate, answer: { status, code } });
    const reading = Promise.all(
      Array.from({ length: 20 }, () => client.send({ path: `/lake/cold-${status}-${code}` })),
    );
    await untilMetric(forebay, 'forebay_requests_in_flight', 20);
    gate.release();
    const replies = await reading;
    expect(proxy.requests).toHaveLength(1);
    for (const reply of replies) {
      expect(reply).toMatchObject({ status, code });
      expect(field(reply, 'RequestId')).toBe(reply.headers['x-amz-request-id']);
      expect(reply.body.toString()).not.toContain('theirs');
    }
    expect(new Set(replies.map((reply) => field(reply, 'RequestId'))).size).toBe(20);
    if (code === 'NoSuchBucket') expect(field(replies[0]!, 'BucketName')).toBe('lake');
  });

  it('are what the last of several attempts was answered with', async () => {
    proxy.rule({ answer: { status: 503, code: 'SlowDown' }, times: 1 });
    proxy.rule({ answer: { status: 403, code: 'AccessDenied' } });
    expect(await client.send({ path: '/lake/tried-again' })).toMatchObject({
      status: 403,
      code: 'AccessDenied',
    });
    expect(proxy.requests).toHaveLength(2);
  });

  it('have no body for HEAD, and the status of GET', async () => {
    proxy.rule({ answer: { status: 403, code: 'AccessDenied' } });
    const reply = await client.send({ method: 'HEAD', path: '/lake/never-read' });
    expect(reply).toMatchObject({ status: 403, isCut: false });
    expect(reply.body).toHaveLength(0);
  });

  describe('about a write to a sub-resource', () => {
    const tagging = [['tagging', '']] as const;
    const body = Buffer.from('<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>');
    const put = () => client.send({ method: 'PUT', path: '/lake/k', query: tagging, body });
    const isPut = ({ method }: { readonly method: string }) => method === 'PUT';

    it('are told, and the write is not repeated', async () => {
      proxy.rule({ match: isPut, answer: { status: 503, code: 'SlowDown' } });
      expect(await put()).toMatchObject({ status: 503, code: 'SlowDown' });
      expect(proxy.requests.filter(isPut)).toHaveLength(1);
    });

    it('that do not come are never taken for a success, and the next read asks the UFS', async () => {
      await client.send({ method: 'HEAD', path: '/lake/k' });
      proxy.rule({ match: isPut, loseAnswer: true });
      const reply = await put();
      expect(reply).toMatchObject({ status: 500, code: 'InternalError' });
      expect(field(reply, 'Message')).toContain('outcome of the write is unknown');
      expect(proxy.requests.filter(isPut)).toHaveLength(1);
      proxy.clearRules();
      const head = await client.send({ method: 'HEAD', path: '/lake/k' });
      expect(head.headers['x-amz-tagging-count']).toBe('1');
    });
  });
});
