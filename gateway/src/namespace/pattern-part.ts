/**
 * The part of a bucket that the pattern mount holds beside literal mounts nested in it. The bucket is there
 * because of them; where the UFS of the pattern has none of its name, that part is empty.
 */
import { isUfsAnswer } from '@forebay/core/errors';
import type { Mount } from '@forebay/core/mount';

/** @param mounts all of the bucket */
export async function emptyIfMissing<T>(
  { mount, mounts }: { mount: Mount; mounts: readonly Mount[] },
  empty: T,
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (mount.pattern && mounts.length > 1 && isUfsAnswer(error, 'NoSuchBucket')) return empty;
    throw error;
  }
}
