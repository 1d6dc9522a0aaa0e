import type { NodeStats } from '@forebay/core/cache-node';
import { systemClock } from '@forebay/core/clock';
import { silentLog } from '@forebay/core/log';
import { type Epoch, type RenewalAnswer, type RenewalRequest, renewalMs } from '@forebay/core/membership';
import { ringAlgorithm } from '@forebay/core/ring';
import { afterEach, expect, it } from 'vitest';
import { LeaseRenewal } from './lease-renewal.ts';
import { NodeLease } from './node-lease.ts';

const member = {
  ...{ nodeId: 'n1', incarnation: 'i1', address: '10.0.0.1:9100', adminAddress: '10.0.0.1:9101' },
  ...{ weight: 1, holdsLock: true },
};
const active = { ...member, state: 'active' as const };
const epochOf = (number: number): Epoch => ({
  ...{ number, registry: 'r', ring: ringAlgorithm, segmentBytes: 1024, members: [active] },
});

let leave = (): Promise<void> => Promise.resolve();
afterEach(() => leave());

function renewing(renew: (request: RenewalRequest) => Promise<RenewalAnswer>): NodeLease {
  const lease = new NodeLease({ member, clock: systemClock, onLapse: () => {} });
  const stats = async () => ({ nodeId: 'n1', pages: 7 }) as NodeStats;
  const renewal = new LeaseRenewal({ lease, renew, stats, log: silentLog });
  leave = () => renewal.leave();
  renewal.start();
  return lease;
}

it('acknowledges a new epoch at once, says what the node holds, and gives the lease up at the end', async () => {
  const requests: RenewalRequest[] = [];
  const lease = renewing(async (request) => {
    requests.push(request);
    const membership = { epoch: epochOf(4), settled: request.epoch === 4 };
    if (request.epoch < 4) return { granted: false, reason: 'old-epoch', membership };
    return { granted: true, grant: `g${requests.length}`, membership };
  });
  await expect.poll(() => lease.isHome('key')).toBe(true);
  expect(requests).toMatchObject([
    { epoch: 0, wish: 'active', stats: { pages: 7 } },
    { epoch: 4, registry: 'r', wish: 'active' },
  ]);
  await leave();
  expect(lease.isHome('key')).toBe(false);
  expect(requests.at(-1)).toMatchObject({ wish: 'leaving', lastGrant: 'g2' });
});

it('goes on asking while no registry answers, and says why the node is no home', async () => {
  let isAway = true;
  const lease = renewing(async () => {
    if (isAway) throw new Error('nobody is there');
    return { granted: true, grant: 'g', membership: { epoch: epochOf(1), settled: true } };
  });
  await expect.poll(() => lease.reason).toContain('nobody is there');
  isAway = false;
  await expect.poll(() => lease.reason, { timeout: 3000 }).toBeUndefined();
});

it('does not wait for its next renewal to become a member', async () => {
  let grants = 0;
  const lease = renewing(async (request) => {
    if (request.lastGrant !== undefined) grants += 1;
    const epoch = grants === 0 ? { ...epochOf(1), members: [] } : epochOf(2);
    return { granted: true, grant: 'g', membership: { epoch, settled: true } };
  });
  await expect.poll(() => lease.isHome('key'), { timeout: renewalMs - 200 }).toBe(true);
});
