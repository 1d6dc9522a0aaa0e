/** A cache node follows what the registry says: its mounts, rules and pins. */
import type { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import type { CachePolicies } from '@forebay/core/cache-policy';
import type { Registry } from '@forebay/core/registry';

type Followed = Pick<Registry, 'view' | 'watch'>;

/**
 * What a mount's objects were is not known any more when it comes back; also where both happened between two
 * views that came here.
 */
export function forgetUnmounted(
  registry: Followed,
  cacheNode: Pick<LocalCacheNode, 'forgetInfo'>,
): () => void {
  const mountsNow = () =>
    registry.view().mounts.mounts.map(({ path, uri, createdAtMs }) => `${path} ${createdAtMs} ${uri}`);
  let known = mountsNow();
  return registry.watch(() => {
    const now = new Set(mountsNow());
    if (known.some((mount) => !now.has(mount))) cacheNode.forgetInfo();
    known = [...now];
  });
}

/** What is stored follows rules and pins as they are now, also where they changed while nothing ran. */
export function followPolicies(
  registry: Followed,
  { policies, cacheNode }: { policies: CachePolicies; cacheNode: Pick<LocalCacheNode, 'applyPolicies'> },
): () => void {
  void cacheNode.applyPolicies();
  return registry.watch((view) => {
    policies.update(view);
    void cacheNode.applyPolicies();
  });
}
