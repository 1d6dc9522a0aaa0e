/** Room for a page in flight: a share of the budget, and a buffer. */
import type { UfsQueue } from '@forebay/ufs/ufs-queue';
import { classBytesOf } from '../buffers/buffer-pool.ts';
import type { Urgency } from './byte-budget.ts';
import type { FillContext } from './fill-context.ts';
import type { PageFlight } from './page-flight.ts';

/**
 * Waits until the budget has room; false where the wait was given up. What no reader waits for gives it up,
 * and the connection that it keeps, as soon as a request waits for one.
 */
export async function holdPage(
  flight: PageFlight,
  urgency: Urgency,
  { budget, pool, queue }: Pick<FillContext, 'budget' | 'pool'> & { readonly queue: UfsQueue },
): Promise<boolean> {
  const share = budget.take(classBytesOf(flight.lengthBytes), urgency);
  flight.share = share;
  if (share.state === 'waiting') {
    const giveWay = () => {
      if (share.state === 'waiting' && share.urgency === 'ahead') budget.release(share);
    };
    const takeBack = queue.onWaiting(giveWay);
    if (queue.waiting > 0) giveWay();
    await share.settled;
    takeBack();
  }
  if (share.isReleased) flight.share = undefined;
  else flight.hold(pool.take(flight.lengthBytes));
  return flight.isHeld;
}
