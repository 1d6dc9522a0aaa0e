/** How busy the connections to a store are: what nobody waits for gives way to what somebody waits for. */

export interface UfsQueue {
  /** Requests that wait for a connection. */
  readonly waiting: number;
  /** Whether so many are free that more may be asked than has to be. */
  readonly hasRoom: boolean;
  /**
   * Calls `giveWay` when a request has to wait: once, and for each request that waits another one, those who
   * came first before the others. What comes back takes the offer back.
   */
  onWaiting(giveWay: () => void): () => void;
  /** Several requests may follow soon: so many connections should be there by then. Tries; never throws. */
  prepare(connections: number): void;
}

/** Of a store that takes any number of requests. */
export const noQueue: UfsQueue = { waiting: 0, hasRoom: true, onWaiting: () => () => {}, prepare: () => {} };
