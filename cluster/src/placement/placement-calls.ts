/** What a cache node says it has of a version of an object, as a call of the data plane; and who asks. */
import type { MountTable, ObjectRef } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import type { StoredPages } from '@forebay/core/object-placement';
import type { ExtraCall } from '@forebay/data-plane/cache-node-server';
import { type MountName, mountNameOf, namedMount } from '../mount-name.ts';

export interface StoredQuestion {
  readonly object: ObjectRef;
  readonly info: ObjectInfo;
  readonly segmentBytes: number;
  /** Of these segments each is told by itself. */
  readonly segments: { readonly first: number; readonly endExclusive: number };
}

type WireQuestion = Omit<StoredQuestion, 'object'> & {
  readonly mount: MountName;
  readonly ufsKey: string;
  readonly versionId?: string;
};

export interface PlacementCallsOptions {
  readonly node: { stored(object: ObjectRef, info: ObjectInfo, segmentBytes: number): StoredPages };
  readonly mounts: () => MountTable;
}

export function placementCalls({ node, mounts }: PlacementCallsOptions): Readonly<Record<string, ExtraCall>> {
  return {
    'placement.stored': (parameters) => {
      const { mount, ufsKey, versionId, info, segmentBytes, segments: asked } = parameters as WireQuestion;
      const object = { mount: namedMount(mount, mounts()), ufsKey, ...(versionId && { versionId }) };
      const { segments, ...stored } = node.stored(object, info, segmentBytes);
      const isAsked = (segment: number) => segment >= asked.first && segment < asked.endExclusive;
      return { ...stored, segments: segments.filter(({ segment }) => isAsked(segment)) };
    },
  };
}

/** The part of a node's client that is needed here. */
export interface StoredNode {
  call(name: string, parameters: unknown, options: { readonly signal: AbortSignal }): Promise<unknown>;
}

export async function storedAt(
  node: StoredNode,
  { object, ...question }: StoredQuestion,
  signal: AbortSignal,
): Promise<StoredPages> {
  const { mount, ufsKey, versionId } = object;
  const wire = { ...question, mount: mountNameOf(mount), ufsKey, ...(versionId && { versionId }) };
  return (await node.call('placement.stored', wire satisfies WireQuestion, { signal })) as StoredPages;
}
