/** What a node of a cluster answers for the object browser: pages count where the ring places them. */
import type { NodeLease } from '@forebay/cluster/node-lease';
import { placementKeyOf } from '@forebay/core/mount';
import {
  type BrowseAnswers,
  type HeldSources,
  type LevelSources,
  openHeld,
  openLevels,
} from './browse-answers.ts';

export interface NodeAnswersSources extends LevelSources, Pick<HeldSources, 'cacheNode'> {
  readonly lease: Pick<NodeLease, 'isHome' | 'owns' | 'segmentBytes'>;
}

export function nodeAnswers({ lease, ...sources }: NodeAnswersSources): BrowseAnswers {
  return { ...openLevels(sources), ...openHeld({ ...sources, placed: placedBy(lease) }) };
}

function placedBy(lease: NodeAnswersSources['lease']): NonNullable<HeldSources['placed']> {
  return {
    isHome: (object) => lease.isHome(placementKeyOf(object)),
    owns: (object) => {
      const key = placementKeyOf(object);
      const pagesPerSegment = lease.segmentBytes / object.mount.pageSizeBytes;
      let known = { segment: -1, owned: false };
      return (index) => {
        const segment = Math.floor(index / pagesPerSegment);
        if (segment !== known.segment) known = { segment, owned: lease.owns(key, segment) };
        return known.owned;
      };
    },
  };
}
