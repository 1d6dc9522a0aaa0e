/**
 * Rules of placement that were weighed against the ring's own: virtual nodes on a circle, and rendezvous
 * over slots, worked out for all of them in advance. Placing by the first owner alone, and by equal weights.
 */
import { hash64 } from '@forebay/core/string-hash';

export interface Placing {
  /** Index of the node that the key is placed on. */
  ownerOf(key: string): number;
  readonly bytes: number;
}

/** A node's many points on a circle of 2^32: a key belongs to the next one. */
export function circle(nodeIds: readonly string[], pointsPerNode: number): Placing {
  const points = nodeIds.flatMap((nodeId, node) =>
    Array.from({ length: pointsPerNode }, (_, each) => ({
      node,
      at: hash64(`${nodeId}\0${each}`).low >>> 0,
    })),
  );
  points.sort((a, b) => a.at - b.at || a.node - b.node);
  const at = Uint32Array.from(points, (point) => point.at);
  const nodes = Uint16Array.from(points, (point) => point.node);
  const ownerOf = (key: string) => {
    const wanted = hash64(key).low >>> 0;
    let [low, high] = [0, at.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return nodes[low === at.length ? 0 : low]!;
  };
  return { ownerOf, bytes: at.byteLength + nodes.byteLength };
}

/** A key belongs to a slot, and each slot to the node with the lowest draw for it. */
export function slots(nodeIds: readonly string[], slotCount: number): Placing {
  const seeds = Int32Array.from(nodeIds, (nodeId) => hash64(nodeId).low);
  const owners = new Uint16Array(slotCount);
  for (let slot = 0; slot < slotCount; slot += 1) {
    const mixed = Math.imul(slot, 0x9e3779b1);
    let [lowest, owner] = [2 ** 32, 0];
    for (let node = 0; node < seeds.length; node += 1) {
      const drawn = draw(mixed ^ seeds[node]!);
      if (drawn < lowest) [lowest, owner] = [drawn, node];
    }
    owners[slot] = owner;
  }
  const ownerOf = (key: string) => owners[hash64(key).low & (slotCount - 1)]!;
  return { ownerOf, bytes: owners.byteLength };
}

function draw(seeded: number): number {
  let mixed = Math.imul(seeded ^ (seeded >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
