/**
 * CONTRACT Homes: whether this node is, at this instant, the leased, settled home of an object, and since
 * when without a break (DESIGN §4, The rule (a) and (b)). Everything is synchronous: asked in the tick in
 * which cached info is answered or installed.
 */
export interface Homes {
  /**
   * The lease holds, and the ring says that the key is this node's: of an epoch that is settled, or the key
   * was the node's by the one before as well, and it has had its lease since. Nobody else is the home then.
   */
  isHome(placementKey: string): boolean;
  /** The lease holds and the epoch is settled: what a fence on a whole bucket needs. */
  isSettled(): boolean;
  /** What is installed now is stamped with this: the number of the epoch. */
  readonly stamp: number;
  /**
   * Whether the node has been home of the key in every epoch from that of the stamp to this one. False also
   * where that is too long ago to be known. A lapse of the lease is no matter of epochs: it ends the tenure
   * of all that is known.
   */
  isUnbroken(placementKey: string, stamp: number): boolean;
  /**
   * A gateway was lost, and may have fenced the key at another process than this one: until what it wrote is
   * over, nothing known of the key may be used.
   */
  isDoubtful(placementKey: string): boolean;
}

/** Of a cache node that is alone: home of everything, always. */
export const soleHome: Homes = {
  isHome: () => true,
  isSettled: () => true,
  stamp: 0,
  isUnbroken: () => true,
  isDoubtful: () => false,
};

/** Which parts of an object this node holds the pages of. */
export interface Placement {
  /** Bytes of a segment. */
  readonly segmentBytes: number;
  /** Whether this node is an owner of the segment: the first one, or a replica of it. */
  owns(placementKey: string, segment: number): boolean;
}
