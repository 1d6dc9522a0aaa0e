import { systemClock } from '@forebay/core/clock';
import { Metrics } from '@forebay/core/metrics';
import type { Mount } from '@forebay/core/mount';
import { expect, it } from 'vitest';
import { declareGatewayMetrics } from '../metrics.ts';
import { testMount } from '../testing/test-mount.ts';
import { ListCache } from './list-cache.ts';
import type { Lister } from './list-objects.ts';

it('keeps nothing of a mount for one that is made again at its path', async () => {
  const { listPages } = declareGatewayMetrics(new Metrics(), { requestsInFlightMax: 1, connectionsMax: 1 });
  const lists = new ListCache({ clock: systemClock, bytesMax: 1_000_000, pages: listPages });
  let asked = 0;
  const lister: Lister = {
    list: async () => {
      asked += 1;
      return { entries: [], commonPrefixes: [], truncated: false };
    },
  };
  const first: Mount = { ...testMount({ bucket: 'lake' }), listTtlMs: 3_600_000, createdAtMs: 1 };
  const again: Mount = { ...first, createdAtMs: 2 };
  const request = { prefix: '', maxKeys: 10 };
  for (const mount of [first, first, again]) await lists.reading().of(mount, lister).list(request);
  expect(asked).toBe(2);
});
