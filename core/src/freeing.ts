/** To free: to drop cached pages because an operator says so. */
import type { KeyPattern } from './key-pattern.ts';

export interface FreeRequest {
  readonly keys: KeyPattern;
  /** Pinned pages too; else they stay. */
  readonly pinned: boolean;
  /** Count, and drop nothing. */
  readonly dryRun: boolean;
  /** Stops between two objects; what is freed by then stays freed. */
  readonly signal: AbortSignal;
  /** Called from time to time with what is freed so far. */
  readonly onProgress: (freed: Freed) => void;
}

export interface Freed {
  /** Pages dropped, and the bytes of objects in them. A page in memory and on disk is one. */
  readonly pages: number;
  readonly bytes: number;
  /** Pages left because they are pinned. */
  readonly pinnedPages: number;
  readonly pinnedBytes: number;
}
