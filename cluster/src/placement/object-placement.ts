/**
 * Where an object lies, for people: by the ring of now, and by what the nodes that it names say they have.
 * Nothing is asked of a store, and nothing changes.
 */
import type { Membership, RingMember } from '@forebay/core/membership';
import { type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import type { ObjectPlacement, PlacedNode, PlacedSegment, StoredPages } from '@forebay/core/object-placement';
import { pagesOf } from '@forebay/core/page';
import { type Ring, ringOf, segmentKeyOf } from '@forebay/core/ring';
import { type StoredNode, storedAt } from './placement-calls.ts';

export interface PlacementQuestion {
  readonly object: ObjectRef;
  /** As the home has it; undefined: it knows none, and only the home can be told. */
  readonly info: ObjectInfo | undefined;
  /** Where the read begins that is asked about: byte of the object. */
  readonly start: number;
}

export interface PlacementSources {
  /** Undefined: none is known. */
  readonly membership: () => Membership | undefined;
  readonly nodeOf: (member: RingMember) => Promise<StoredNode>;
}

/** The owner, and the successor that a hot segment is read from besides. */
const ownersMax = 2;
const segmentsMax = 256;
const answerMs = 2_000;

interface Placed {
  readonly segment: number;
  readonly owners: readonly RingMember[];
}

type Answer = { readonly stored: StoredPages } | { readonly silentBecause: string };

/** Undefined where there is no node to place it on. Nodes that give no answer are told as such. */
export async function placementOf(
  { object, info, start }: PlacementQuestion,
  { membership, nodeOf }: PlacementSources,
): Promise<ObjectPlacement | undefined> {
  const now = membership();
  const ring = now && ringOf(now.epoch);
  const home = ring?.homeOf(placementKeyOf(object));
  if (!now || !ring || !home) return undefined;
  const { segmentBytes, number } = now.epoch;
  const known = { epoch: number, settled: now.settled, segmentBytes };
  if (!info) {
    const nodes = [nodeView(home, { home: true, placed: [] })];
    return { ...known, segmentCount: 0, pages: { cached: 0, total: 0, cachedBytes: 0 }, nodes, segments: [] };
  }
  const segmentCount = Math.ceil(info.sizeBytes / segmentBytes);
  const first = Math.min(Math.floor(start / segmentBytes), Math.max(0, segmentCount - 1));
  const segments = { first, endExclusive: Math.min(segmentCount, first + segmentsMax) };
  const placed = placedIn(segments, ring, placementKeyOf(object));
  const members = new Map([home, ...placed.flatMap(({ owners }) => owners)].map((one) => [one.nodeId, one]));
  const question = { object, info, segmentBytes, segments };
  const ask = async (member: RingMember, signal: AbortSignal) =>
    storedAt(await nodeOf(member), question, signal);
  const asked = [...members.values()].map(async (member) => {
    return [member.nodeId, await answerOf(member, (signal) => ask(member, signal))] as const;
  });
  const answers = new Map(await Promise.all(asked));
  const nodes = [...members.values()].map((member) =>
    nodeView(member, { home: member === home, placed, answer: answers.get(member.nodeId) }),
  );
  const pageCountOf = (segment: number) => {
    const endExclusive = Math.min(info.sizeBytes, (segment + 1) * segmentBytes);
    const pages = pagesOf({ start: segment * segmentBytes, endExclusive }, object.mount.pageSizeBytes);
    return pages.endExclusive - pages.first;
  };
  const views = placed.map((one) => segmentView(one, pageCountOf(one.segment), answers));
  return { ...known, segmentCount, pages: pagesIn(placed, views, answers), nodes, segments: views };
}

function pagesIn(
  placed: readonly Placed[],
  views: readonly PlacedSegment[],
  answers: ReadonlyMap<string, Answer>,
): ObjectPlacement['pages'] {
  const found = placed.map(({ segment, owners: [owner] }) => owner && storedIn(segment, owner, answers));
  return {
    cached: sum(found, (stored) => stored?.pages ?? 0),
    total: sum(views, ({ pages }) => pages),
    cachedBytes: sum(found, (stored) => stored?.bytes ?? 0),
  };
}

/** Undefined: no answer. */
function storedIn(
  segment: number,
  { nodeId }: RingMember,
  answers: ReadonlyMap<string, Answer>,
): { readonly pages: number; readonly bytes: number } | undefined {
  const answer = answers.get(nodeId);
  if (!answer || !('stored' in answer)) return undefined;
  return answer.stored.segments.find((one) => one.segment === segment) ?? { pages: 0, bytes: 0 };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function placedIn(
  { first, endExclusive }: { readonly first: number; readonly endExclusive: number },
  ring: Ring,
  placementKey: string,
): Placed[] {
  return Array.from({ length: endExclusive - first }, (_, at) => {
    const segment = first + at;
    return { segment, owners: ring.ownersOf(segmentKeyOf(placementKey, segment), ownersMax) };
  });
}

async function answerOf(
  { address }: RingMember,
  ask: (signal: AbortSignal) => Promise<StoredPages>,
): Promise<Answer> {
  const signal = AbortSignal.timeout(answerMs);
  const late = new Promise<never>((_, reject) => {
    const why = new Error(`no answer from ${address} within ${answerMs} ms`);
    signal.addEventListener('abort', () => reject(why), { once: true });
  });
  try {
    return { stored: await Promise.race([ask(signal), late]) };
  } catch (error) {
    return { silentBecause: (error as Error).message };
  }
}

interface NodeFacts {
  readonly home: boolean;
  readonly placed: readonly Placed[];
  readonly answer?: Answer | undefined;
}

function nodeView({ nodeId, address }: RingMember, { home, placed, answer }: NodeFacts): PlacedNode {
  const countOf = (place: number) => placed.filter(({ owners }) => owners[place]?.nodeId === nodeId).length;
  const shown = { nodeId, address, home, owned: countOf(0), replicated: countOf(1) };
  if (!answer) return shown;
  if ('silentBecause' in answer) return { ...shown, ...answer };
  const { segments: _, ...stored } = answer.stored;
  return { ...shown, stored };
}

function segmentView(
  { segment, owners: [owner, replica] }: Placed,
  pages: number,
  answers: ReadonlyMap<string, Answer>,
): PlacedSegment {
  const pagesAt = (member?: RingMember) => member && storedIn(segment, member, answers)?.pages;
  const [ownerPages, replicaPages] = [pagesAt(owner), pagesAt(replica)];
  return {
    ...{ segment, pages, owner: owner?.nodeId ?? '' },
    ...(ownerPages !== undefined && { ownerPages }),
    ...(replica && { replica: replica.nodeId }),
    ...(replicaPages !== undefined && { replicaPages }),
  };
}
