import type { Epoch, RingMember } from '@forebay/core/membership';
import { MountTable, placementKeyOf } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import type { ObjectInfo } from '@forebay/core/object';
import type { StoredSegment } from '@forebay/core/object-placement';
import { ringAlgorithm, ringOf, segmentKeyOf } from '@forebay/core/ring';
import type { CallContext } from '@forebay/data-plane/cache-node-server';
import { describe, expect, it } from 'vitest';
import { type PlacementSources, placementOf } from './object-placement.ts';
import { placementCalls } from './placement-calls.ts';

const segmentBytes = 4096;
const mount = parseMount({ path: '/lake', uri: 's3://lake' }, { pageSizeBytes: 1024, createdAtMs: 0 });
const object = { mount, ufsKey: 'big' };
const infoOf = (sizeBytes: number): ObjectInfo => ({
  ...{ sizeBytes, etag: '"e"', lastModifiedMs: 0, versionId: undefined, headers: [], checksumsKnown: true },
});
const epoch: Epoch = {
  ...{ number: 3, registry: 'r', ring: ringAlgorithm, segmentBytes },
  members: ['n1', 'n2', 'n3'].map((nodeId) => ({
    ...{ nodeId, address: `${nodeId}:9100`, weight: 1, incarnation: '1', state: 'active' },
  })),
};
const ownersOf = (segment: number) =>
  ringOf(epoch)
    .ownersOf(segmentKeyOf(placementKeyOf(object), segment), 2)
    .map(({ nodeId }) => nodeId);

/** Nodes that have these pages of each segment, and answer as theirs would, with what travels as JSON. */
function nodesWith(segmentsOf: (nodeId: string) => readonly StoredSegment[]): PlacementSources {
  const nodeOf = async ({ nodeId }: RingMember) => {
    if (nodeId === 'gone') throw new Error('it is gone');
    const stored = () => ({ pages: 9, bytes: 9000, places: [], segments: segmentsOf(nodeId) });
    const calls = placementCalls({ node: { stored }, mounts: () => new MountTable([mount]) });
    const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
    return {
      call: async (name: string, parameters: unknown) =>
        plain(await calls[name]!(plain(parameters), {} as CallContext)),
    };
  };
  return { membership: () => ({ epoch, settled: true }), nodeOf };
}

describe('the placement of an object', () => {
  it('names its home, and owner and successor of each segment with what they have', async () => {
    const asked = { object, info: infoOf(10 * segmentBytes + 1), start: 0 };
    const sources = nodesWith((nodeId) =>
      Array.from({ length: 11 }, (_, segment) => segment)
        .filter((segment) => ownersOf(segment)[0] === nodeId && segment % 2 === 0)
        .map((segment) => ({ segment, pages: 1, bytes: 1000 })),
    );
    const placement = (await placementOf(asked, sources))!;
    expect(placement).toMatchObject({ epoch: 3, settled: true, segmentBytes, segmentCount: 11 });
    expect(placement.pages).toEqual({ cached: 6, total: 41, cachedBytes: 6000 });
    placement.segments.forEach(({ segment, pages, owner, replica, ownerPages, replicaPages }, at) => {
      expect([segment, pages]).toEqual([at, segment === 10 ? 1 : 4]);
      expect([owner, replica]).toEqual(ownersOf(segment));
      expect([ownerPages, replicaPages]).toEqual([segment % 2 === 0 ? 1 : 0, 0]);
    });
    expect(placement.nodes[0]).toMatchObject({ nodeId: ownersOf(0)[0], home: true, stored: { pages: 9 } });
    expect(placement.nodes.filter(({ home }) => home)).toHaveLength(1);
    for (const { nodeId, owned } of placement.nodes)
      expect(owned).toBe(placement.segments.filter(({ owner }) => owner === nodeId).length);
  });

  it('tells who gives no answer, and counts nothing of it', async () => {
    const sources = nodesWith(() => [{ segment: 0, pages: 4, bytes: 4096 }]);
    const silent = ownersOf(0)[0]!;
    const nodeOf = (member: RingMember) =>
      sources.nodeOf(member.nodeId === silent ? { ...member, nodeId: 'gone' } : member);
    const asked = { object, info: infoOf(segmentBytes), start: 0 };
    const placement = (await placementOf(asked, { ...sources, nodeOf }))!;
    expect(placement.nodes[0]).toMatchObject({ nodeId: silent, silentBecause: 'it is gone' });
    expect(placement.segments).toEqual([
      { segment: 0, pages: 4, owner: silent, replica: ownersOf(0)[1], replicaPages: 4 },
    ]);
    expect(placement.pages).toEqual({ cached: 0, total: 4, cachedBytes: 0 });
  });

  it('looks at a bounded run of segments, from where the read begins', async () => {
    const info = infoOf(5000 * segmentBytes);
    const { segments } = (await placementOf(
      { object, info, start: 700 * segmentBytes },
      nodesWith(() => []),
    ))!;
    expect([segments.length, segments[0]!.segment]).toEqual([256, 700]);
  });

  it('is the home alone where nothing is known of the object', async () => {
    const placement = await placementOf(
      { object, info: undefined, start: 0 },
      nodesWith(() => []),
    );
    expect(placement).toMatchObject({ nodes: [{ home: true }], segments: [], segmentCount: 0 });
  });
});
