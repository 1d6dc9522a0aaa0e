/** Where an object lies in a cluster, in words for a person. */
import { formatSize } from '@forebay/core/bytes';
import type { ObjectPlacement, PlacedNode, PlacedSegment } from '@forebay/core/object-placement';
import type { ObjectView } from '@forebay/registry/admin/objects';

type Row = readonly [title: string, text: string];

export function homeText({ home, placement }: ObjectView): string {
  const node = placement?.nodes.find(({ nodeId }) => nodeId === home);
  return node ? `${home} at ${node.address}` : home;
}

/** None where there is one node. */
export function placementRows(placement: ObjectPlacement | undefined): Row[] {
  if (!placement) return [];
  const { epoch, settled, nodes, segments } = placement;
  const ring = `epoch ${epoch}${settled ? '' : ', which is not settled: every read asks the UFS'}`;
  if (segments.length === 0) return [['Ring', ring]];
  const runs = runsOf(segments);
  const left = runs.length - runsShownMax;
  return [
    ['Ring', ring],
    ...nodes.map((node, at): Row => [at === 0 ? 'Nodes' : '', nodeText(node)]),
    ['Segments', segmentsText(placement)],
    ...runs.slice(0, runsShownMax).map((run): Row => ['', runText(run)]),
    ...(left > 0 ? [['', `and ${left} more runs (--json has them)`] as const] : []),
  ];
}

function nodeText({ nodeId, home, owned, replicated, stored, silentBecause }: PlacedNode): string {
  const roles = [
    ...(home ? ['home'] : []),
    ...(owned > 0 ? [`owner of ${counted(owned)}`] : []),
    ...(replicated > 0 ? [`next for ${counted(replicated)} where they are read often`] : []),
  ];
  const has = stored ? `${stored.pages} pages, ${formatSize(stored.bytes)}` : `no answer: ${silentBecause}`;
  return `${nodeId}: ${roles.join(', ')}; ${has}`;
}

function segmentsText({ segmentCount, segmentBytes, segments }: ObjectPlacement): string {
  const all = `${segmentCount} of ${formatSize(segmentBytes)}`;
  if (segments.length === segmentCount) return all;
  const first = segments[0]!.segment;
  return `${all}; shown are ${first} to ${first + segments.length - 1}`;
}

interface Run {
  readonly first: PlacedSegment;
  readonly last: PlacedSegment;
  readonly pages: number;
  readonly cached: number;
  readonly isSilent: boolean;
}

const runsShownMax = 16;

/** Neighbours of one owner together. */
function runsOf(segments: readonly PlacedSegment[]): Run[] {
  const runs: Run[] = [];
  for (const last of segments) {
    const { owner, pages, ownerPages } = last;
    const before = runs.at(-1);
    const cached = ownerPages ?? 0;
    const isSilent = ownerPages === undefined;
    if (before?.first.owner !== owner) runs.push({ first: last, last, pages, cached, isSilent });
    else
      runs[runs.length - 1] = {
        ...before,
        last,
        pages: before.pages + pages,
        cached: before.cached + cached,
      };
  }
  return runs;
}

function runText({ first, last, pages, cached, isSilent }: Run): string {
  const which = first === last ? `${first.segment}` : `${first.segment}-${last.segment}`;
  return `${which}: ${first.owner}, ${isSilent ? 'which gives no answer' : `${cached} of ${pages} pages`}`;
}

function counted(segments: number): string {
  return segments === 1 ? '1 segment' : `${segments} segments`;
}
