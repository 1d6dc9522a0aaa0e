/**
 * CONTRACT membership: who forms the cluster, and who may answer from cached info (DESIGN §4, Leases and
 * Epochs). Plain data, as it travels: the registry makes it, nodes and gateways act by it.
 */
import type { NodeStats } from './cache-node.ts';

/** A node counts its lease from sending the renewal, the registry its own from granting it. */
export const nodeLeaseMs = 10_000;
export const registryLeaseMs = 12_000;
export const renewalMs = 3_000;

/**
 * What a write whose outcome is unknown may still do, it has done by then: longer than the longest request to
 * a UFS.
 */
export const unsettledMs = 15 * 60_000;

export interface RingMember {
  /** Kept in the node's data directory: the same after a restart. */
  readonly nodeId: string;
  /** HOST:PORT of its data plane. */
  readonly address: string;
  /** Its share of the ring, in proportion to the others': whole GiB of its cache, at least 1. */
  readonly weight: number;
  /** Made anew at each start of its process. */
  readonly incarnation: string;
  /** `draining`: owns nothing any more, and is still asked for the pages that it has. */
  readonly state: 'active' | 'draining';
}

/** The membership under one number. Two with the same number and registry are the same. */
export interface Epoch {
  /** From 1; 0: none was formed yet, and there are no members. */
  readonly number: number;
  /** The incarnation of the registry's state: another one knows nothing of what this one granted. */
  readonly registry: string;
  /** Name of the ring's algorithm (`ringAlgorithm`): who knows another one refuses the epoch. */
  readonly ring: string;
  /** Pages of an object that are placed together, in bytes: a multiple of every page size. */
  readonly segmentBytes: number;
  /** By node id, in order. */
  readonly members: readonly RingMember[];
}

export interface Membership {
  readonly epoch: Epoch;
  /** All members of the epochs before, and all writers, acknowledged it, or their leases have run out. */
  readonly settled: boolean;
  /** Absent: none. */
  readonly lost?: LostWriters | undefined;
}

/**
 * Gateways whose leases ran out less than `unsettledMs` ago: what they wrote may still take effect. Each has
 * fenced that at the homes by the epoch that it acknowledged last, or by a later one.
 */
export interface LostWriters {
  /** Of the epochs that they acknowledged last. 0: of one it is not known. */
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

export interface RenewalRequest {
  readonly nodeId: string;
  readonly incarnation: string;
  /** Of its data plane and its admin server. */
  readonly address: string;
  readonly adminAddress: string;
  readonly weight: number;
  /** It holds its data directory's lock, so no earlier incarnation of it lives any more. */
  readonly holdsLock: boolean;
  /** `leaving`: it gives up its lease now, and is no member of the next epoch. */
  readonly wish: 'active' | 'draining' | 'leaving';
  /** The newest epoch that it has taken over, and by that acknowledges; 0: none. */
  readonly epoch: number;
  readonly registry: string | undefined;
  /** The last grant that it got; undefined: none since its start. */
  readonly lastGrant: string | undefined;
  readonly stats?: NodeStats | undefined;
  /** Of Forebay, for people. */
  readonly version?: string | undefined;
}

export type RenewalAnswer =
  | {
      readonly granted: true;
      /** To be echoed by the next renewal. */
      readonly grant: string;
      readonly membership: Membership;
    }
  | {
      readonly granted: false;
      readonly reason: 'not-active' | 'starting' | 'old-epoch' | 'no-echo' | 'old-incarnation' | 'full';
      readonly membership: Membership | undefined;
    };

/** Of a gateway, or of a node that writes for jobs: without a lease it begins no write. */
export interface WriterRenewal {
  /** Made anew with each lease that is taken up. */
  readonly writerId: string;
  /** The newest epoch by whose homes all its writes under way are fenced; 0: none. */
  readonly epoch: number;
  readonly registry: string | undefined;
  /** `leaving`: nothing of it is under way, and nothing will be. */
  readonly wish: 'active' | 'leaving';
}
