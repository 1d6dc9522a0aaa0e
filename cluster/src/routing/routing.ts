/** What all parts of the routing share. */
import type { AbsentObject, OpenedObject, OpenRequest } from '@forebay/core/cache-node';
import type { Mount } from '@forebay/core/mount';
import type { Ufs } from '@forebay/ufs/ufs';
import type { Peers } from './peer.ts';
import type { RingView } from './ring-view.ts';
import type { RoutingMetrics } from './routing-metrics.ts';
import type { Timing } from './time.ts';

export interface Routing extends Timing {
  readonly view: RingView;
  readonly peers: Peers;
  readonly metrics: RoutingMetrics;
  readonly ufsOf: (mount: Mount) => Ufs | Promise<Ufs>;
  /** Past every cache node. @throws as `CacheNode.open` */
  readonly openDirect: (request: OpenRequest) => Promise<OpenedObject | AbsentObject>;
  /** Told of bytes that came so. */
  readonly onUfsBytes: (count: number) => void;
}
