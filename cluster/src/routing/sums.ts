/** What several nodes say, as one. */
import type { NodeStats } from '@forebay/core/cache-node';
import type { Freed } from '@forebay/core/freeing';

export function sumOfFreed(all: Iterable<Freed>): Freed {
  const sum = { pages: 0, bytes: 0, pinnedPages: 0, pinnedBytes: 0 };
  for (const { pages, bytes, pinnedPages, pinnedBytes } of all) {
    sum.pages += pages;
    sum.bytes += bytes;
    sum.pinnedPages += pinnedPages;
    sum.pinnedBytes += pinnedBytes;
  }
  return sum;
}

/** @param all of the nodes that answered; the oldest one's time is the cluster's */
export function sumOfStats(nodeId: string, all: readonly NodeStats[]): NodeStats {
  const sumOf = (of: (stats: NodeStats) => number) => all.reduce((sum, stats) => sum + of(stats), 0);
  return {
    nodeId,
    uptimeMs: Math.max(0, ...all.map(({ uptimeMs }) => uptimeMs)),
    pages: sumOf(({ pages }) => pages),
    diskBytes: sumOf(({ diskBytes }) => diskBytes),
    diskBytesMax: sumOf(({ diskBytesMax }) => diskBytesMax),
    directories: all.flatMap(({ directories }) => directories),
    memoryBytes: sumOf(({ memoryBytes }) => memoryBytes),
    memoryBytesMax: sumOf(({ memoryBytesMax }) => memoryBytesMax),
    infoMemoryEntries: sumOf(({ infoMemoryEntries }) => infoMemoryEntries),
    infoPersistentEntries: sumOf(({ infoPersistentEntries }) => infoPersistentEntries),
    fillsInFlight: sumOf(({ fillsInFlight }) => fillsInFlight),
    fencesOpen: sumOf(({ fencesOpen }) => fencesOpen),
  };
}
