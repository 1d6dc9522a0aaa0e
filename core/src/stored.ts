/** What a node tells of all that is stored below a prefix, and of the pages of one object. */

/** What is stored of one object, or of all objects below a common prefix. */
export interface StoredGroup {
  readonly objects: number;
  readonly pages: number;
  readonly bytes: number;
}

export interface StoredBelow {
  /**
   * By what follows the prefix: an object's rest of its key, or all up to and including the next slash. Pages
   * that are in memory alone are counted where it is known whose they are.
   */
  readonly groups: ReadonlyMap<string, StoredGroup>;
  /** False where there is more than was looked through. */
  readonly complete: boolean;
}

/** Cached pages of one version of an object, in cells of neighbouring pages. */
export interface PageMap {
  readonly pageSizeBytes: number;
  readonly total: number;
  /** In memory or on disk; in both counts once. */
  readonly cached: number;
  readonly cachedBytes: number;
  readonly pagesPerCell: number;
  /** Pages of each cell that are in memory. */
  readonly memory: readonly number[];
  readonly disk: readonly number[];
  /** Left out where there is one node. */
  readonly placement?: PagePlacement;
}

/**
 * Where the pages of an object lie in a cluster. A page counts as cached at the node that the ring gives its
 * segment to, and nowhere else.
 */
export interface PagePlacement {
  readonly pagesPerSegment: number;
  /** The owner of each segment, from the first one on, as a place in `nodes`; not of all of a huge object. */
  readonly owners: readonly number[];
  readonly nodes: readonly PageHolder[];
}

export interface PageHolder {
  readonly id: string;
  /** Cached pages of its own segments. */
  readonly pages: number;
  /** Pages that it has and another node owns: replicas, and what it owned before. */
  readonly copies: number;
}
