/** Where an object lies in a cluster: its home, the owners of its segments, and what they have of it. */
import type { PagePlace } from './object-stat.ts';

/** Pages of one version that a node has. */
export interface StoredPages {
  /** Each page once. */
  readonly pages: number;
  readonly bytes: number;
  readonly places: readonly PagePlace[];
  /** Of each segment that it has pages of. */
  readonly segments: readonly StoredSegment[];
}

export interface StoredSegment {
  readonly segment: number;
  readonly pages: number;
  readonly bytes: number;
}

export interface ObjectPlacement {
  /** The epoch whose ring it is, and whether it is settled. */
  readonly epoch: number;
  readonly settled: boolean;
  readonly segmentBytes: number;
  /** Of the whole object; 0 where its size is not known. */
  readonly segmentCount: number;
  /** Of the segments that were looked at: their pages, and those that their owners have. */
  readonly pages: { readonly cached: number; readonly total: number; readonly cachedBytes: number };
  /** The home first, then who owns or replicates segments that were looked at. */
  readonly nodes: readonly PlacedNode[];
  /** A bounded run of them, from that on in which the read begins that was asked about. */
  readonly segments: readonly PlacedSegment[];
}

export interface PlacedNode {
  readonly nodeId: string;
  /** HOST:PORT. */
  readonly address: string;
  readonly home: boolean;
  /** Of the segments that were looked at: those that it owns, and that it replicates while they are hot. */
  readonly owned: number;
  readonly replicated: number;
  /** Of the version that the home knows, also in segments that are not its own; absent: no answer. */
  readonly stored?: Omit<StoredPages, 'segments'>;
  /** Why it gave no answer, for people. */
  readonly silentBecause?: string;
}

export interface PlacedSegment {
  readonly segment: number;
  readonly pages: number;
  readonly owner: string;
  /** Pages cached there; absent: it gave no answer. */
  readonly ownerPages?: number;
  /** The owner's successor; absent: there is one node. */
  readonly replica?: string;
  readonly replicaPages?: number;
}
