import { MountTable } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import type { RegistryView } from '@forebay/core/registry';
import { UserTable } from '@forebay/core/user';
import { expect, it } from 'vitest';
import { forgetUnmounted } from './follow-registry.ts';

/** `/lake=s3://lake` made at 7: `7 /lake=s3://lake`. */
function viewOf(...mounts: string[]): RegistryView {
  const parsed = mounts.map((text) => {
    const [createdAtMs, ...mount] = text.split(' ');
    return parseMount(mount.join(' '), { pageSizeBytes: 1 << 20, createdAtMs: Number(createdAtMs) });
  });
  const nothing = { revision: 1, members: [], users: new UserTable([]), rules: [], pins: [] };
  return { ...nothing, mounts: new MountTable(parsed) };
}

it.each([
  ['a mount is gone', ['7 /lake=s3://lake'], [], 1],
  ['a mount was taken away and made again in between', ['7 /lake=s3://lake'], ['8 /lake=s3://lake'], 1],
  ['a mount reads another bucket now', ['7 /lake=s3://lake'], ['7 /lake=s3://pond'], 1],
  ['a mount was added', ['7 /lake=s3://lake'], ['7 /lake=s3://lake', '8 /data=s3://data'], 0],
  ['nothing changed', ['7 /lake=s3://lake'], ['7 /lake=s3://lake'], 0],
])('what was known is forgotten as it must be where %s', (_, before, after, times) => {
  let view = viewOf(...before);
  let change: (view: RegistryView) => unknown = () => undefined;
  let forgot = 0;
  const registry = {
    view: () => view,
    watch: (listener: typeof change) => {
      change = listener;
      return () => undefined;
    },
  };
  const cacheNode = {
    forgetInfo: () => {
      forgot += 1;
    },
  };
  forgetUnmounted(registry, cacheNode);
  view = viewOf(...after);
  change(view);
  change(view);
  expect(forgot).toBe(times);
});
