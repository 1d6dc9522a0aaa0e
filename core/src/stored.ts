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
}
