/**
 * Registries of one cluster over a real Redis: the contract of what they share, a takeover after a kill, and
 * a Redis that goes away, hangs and comes back.
 */
import { RemoteRegistry } from '@forebay/cluster/registry-client';
import { silentLog } from '@forebay/core/log';
import type { RenewalRequest } from '@forebay/core/membership';
import { coordinationContract } from '@forebay/registry/cluster/coordination.contract';
import { RedisCoordination } from '@forebay/registry/cluster/redis-coordination';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Cluster, clusterKeys } from '../support/cluster/cluster.ts';
import { type Redis, startRedis } from '../support/redis.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';

const clusterSecret = 'a secret for registries in tests';
const authorization = `Basic ${Buffer.from(`${clusterKeys.accessKey}:${clusterKeys.secretKey}`).toString('base64')}`;

describe('registries that share a Redis', await needs('redis'), () => {
  let redis: Redis;
  let databases = 0;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  coordinationContract('Redis', () => {
    databases += 1;
    return RedisCoordination.open(`${redis.url}/${databases}`);
  });

  describe('as processes', () => {
    let cluster: Cluster;
    let remote: RemoteRegistry;
    beforeEach(async () => {
      databases += 1;
      cluster = await Cluster.start({
        ...{ nodes: 0, gateways: 0, registries: 2, redisUrl: `${redis.url}/${databases}` },
        ...{ networkKind: 'proxies', env: { FOREBAY_CLUSTER_SECRET: clusterSecret } },
      });
      const addresses = cluster.registries.map(({ adminUrl }) => adminUrl);
      remote = await RemoteRegistry.open({ addresses, clusterSecret, viewPath: undefined, log: silentLog });
    });
    afterEach(async () => {
      await remote.close();
      await cluster.stop();
    });

    const active = () =>
      until('one is active', async () => {
        for (const member of cluster.registries) if (await member.isReady()) return member;
        return undefined;
      });
    const mount = (path: string) => cluster.ask('POST', '/api/v1/mounts', { path, ufs: `s3:/${path}` });
    const seen = (path: string) =>
      until(`${path} is seen`, () => remote.view().mounts.mounts.some((one) => one.path === path));

    it('one is active, the other says who, and takes over with all records and the same epoch', async () => {
      const first = await active();
      const other = cluster.registries.find((member) => member !== first)!;
      await until('the other stands by', async () => {
        const answer = await fetch(`${other.adminUrl}/readyz`).catch(() => undefined);
        return answer?.status === 503 && (await answer.text()).includes(new URL(first.adminUrl).host);
      });
      const figures = await fetch(`${other.adminUrl}/metrics`, { headers: { authorization } });
      expect([figures.status, await figures.text()]).toEqual([
        200,
        expect.stringContaining('forebay_registry_active 0'),
      ]);
      await mount('/lake');
      await seen('/lake');
      const renew = nodeOf(remote);
      const { number } = await until('a member', async () => {
        const { membership } = await renew();
        return membership?.settled && membership.epoch.members.length === 1 && membership.epoch;
      });
      const { revision } = remote.view();
      await first.kill9();
      // Within the time that the node counts: it never stops being the home of what it has.
      const answer = await until(
        'a grant by the other',
        async () => {
          const next = await renew().catch(() => undefined);
          return next?.granted && next;
        },
        10_000,
      );
      expect(answer.membership).toMatchObject({ epoch: { number }, settled: true });
      await mount('/second');
      await seen('/second');
      expect(remote.view().revision).toBeGreaterThan(revision);
      expect(remote.view().mounts.resolve('lake', 'x')).toBeDefined();
      first.start();
      await until('the first stands by', async () => {
        const stood = await fetch(`${first.adminUrl}/readyz`).catch(() => undefined);
        return stood?.status === 503 && (await stood.text()).includes('stands by');
      });
    });

    it('a Redis that hangs or is gone makes answers 503, ends no process, and is used again', async () => {
      const { adminUrl } = await active();
      await mount('/lake');
      await seen('/lake');
      const post = async (path: string) => {
        const body = JSON.stringify({ path, ufs: 's3://other' });
        const headers = { authorization, 'content-type': 'application/json' };
        return (await fetch(`${adminUrl}/api/v1/mounts`, { method: 'POST', headers, body })).status;
      };
      const renew = nodeOf(remote);
      redis.pause();
      expect(await post('/hung')).toBe(503);
      expect(await renew().catch(() => 'no answer')).not.toMatchObject({ granted: true });
      redis.resume();
      // By whichever is the active one now.
      await mount('/after-hang');
      await seen('/after-hang');
      await redis.kill9();
      expect(await post('/gone')).toBe(503);
      expect((await fetch(`${adminUrl}/healthz`)).status).toBe(200);
      await until('it is not ready', async () => (await fetch(`${adminUrl}/readyz`)).status === 503);
      expect(remote.view().mounts.resolve('lake', 'x')).toBeDefined();
      await redis.start();
      await mount('/after-kill');
      await seen('/after-kill');
      expect(remote.view().mounts.resolve('after-hang', 'x')).toBeDefined();
      expect(cluster.registries.every(({ running }) => running)).toBe(true);
    });
  });
});

/** Renewals of one node, each by what the last one told. */
function nodeOf(remote: RemoteRegistry) {
  let last: Partial<RenewalRequest> = {};
  return async () => {
    const answer = await remote.renew({
      ...{ nodeId: 'n1', incarnation: 'i1', address: 'n1:9100', adminAddress: 'n1:9101', weight: 1 },
      ...{ holdsLock: true, wish: 'active', epoch: 0, registry: undefined, lastGrant: undefined, ...last },
    });
    const epoch = answer.membership?.epoch;
    if (epoch) last = { ...last, epoch: epoch.number, registry: epoch.registry };
    if (answer.granted) last = { ...last, lastGrant: answer.grant };
    return answer;
  };
}
