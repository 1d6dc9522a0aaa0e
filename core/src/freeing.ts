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
  /** Nodes of a cluster that did not do it, and keep what they have. Left out where there are none. */
  readonly silent?: readonly SilentNode[];
}

/** Not empty. */
export function silentText(nodes: readonly SilentNode[]): string {
  const told = nodes.map(({ nodeId, reason }) => `${nodeId} (${reason})`).join(', ');
  return nodes.length === 1
    ? `a node keeps its pages, as nothing could be freed there: ${told}; free again when it answers`
    : `${nodes.length} nodes keep their pages, as nothing could be freed there: ${told}; free again when they answer`;
}

export interface SilentNode {
  readonly nodeId: string;
  /** For people. */
  readonly reason: string;
}
