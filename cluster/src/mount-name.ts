/** A mount as calls between roles name it: one bucket of a pattern mount has the path of all. */
import { ForebayError } from '@forebay/core/errors';
import type { Mount, MountTable } from '@forebay/core/mount';

export type MountName = readonly [path: string, bucket: string];

export function mountNameOf({ path, bucket }: Mount): MountName {
  return [path, bucket];
}

/** @throws ForebayError `node-unavailable`: the view here is an older one, and will follow */
export function namedMount([path, bucket]: MountName, mounts: MountTable): Mount {
  const found = mounts.ofBucket(bucket).find((mount) => mount.path === path);
  if (found) return found;
  throw new ForebayError('node-unavailable', `nothing is mounted at ${path} here yet`);
}
