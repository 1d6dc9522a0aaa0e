/** Parts that each break one rule, to see that the simulation would notice. */
import type { FenceReceipt } from '@forebay/core/cache-node';
import { isKind } from '@forebay/core/errors';
import type { Membership } from '@forebay/core/membership';
import type { ObjectRef } from '@forebay/core/mount';
import type { Token } from '../../cache-node/src/info-store/fences.ts';
import { InfoStore } from '../../cache-node/src/info-store/info-store.ts';
import { NodeLease } from '../../cluster/src/node-lease.ts';
import type { FaultKind } from './sim-faults.ts';
import { type FenceEnd, type FenceOrigin, SimNode } from './sim-node.ts';
import { type Parts, realParts } from './sim-world.ts';

class FencelessNode extends SimNode {
  override async begin(): Promise<void> {}

  override async end(_: readonly ObjectRef[], fenceId: string): Promise<FenceReceipt> {
    return { fenceId, ended: true };
  }
}

/** It takes fences of any epoch, whether it is the home or not. */
class AnywhereNode extends SimNode {
  override async begin(objects: readonly ObjectRef[], fenceId: string, of: FenceOrigin): Promise<void> {
    await super.begin(objects, fenceId, of).catch(unlessNotHome);
  }

  override async end(objects: readonly ObjectRef[], fenceId: string, of: FenceEnd): Promise<FenceReceipt> {
    await super.end(objects, fenceId, of).catch(unlessNotHome);
    return { fenceId, ended: true };
  }
}

/** It takes no fence of a write that was begun at another home. */
class DeafNode extends SimNode {
  override async begin(objects: readonly ObjectRef[], fenceId: string, of: FenceOrigin): Promise<void> {
    if (of.epoch !== 'carried') await super.begin(objects, fenceId, of);
  }
}

/** It forgets gateways that were lost with writes under way. */
class HeedlessLease extends NodeLease {
  override isDoubtful(): boolean {
    return false;
  }
}

function unlessNotHome(error: unknown): void {
  if (!isKind(error, 'not-home')) throw error;
}

class EndlessLease extends NodeLease {
  override get isLeased(): boolean {
    return this.ring !== undefined;
  }
}

class HastyLease extends NodeLease {
  override take({ epoch }: Membership): boolean {
    return super.take({ epoch, settled: true });
  }
}

class TokenlessInfo extends InfoStore {
  override isCurrent(token: Token): boolean {
    return super.isCurrent({ ...token, current: true });
  }
}

export interface BrokenRule {
  readonly parts: Parts;
  /** Faults that show it. */
  readonly kinds: readonly FaultKind[];
}

export const brokenRules: Readonly<Record<string, BrokenRule>> = {
  'no fences': {
    parts: { ...realParts, node: (options) => new FencelessNode(options) },
    kinds: ['kill a node'],
  },
  'fences that count anywhere': {
    parts: { ...realParts, node: (options) => new AnywhereNode(options) },
    kinds: ['leave some in the dark'],
  },
  'leases without end': {
    parts: { ...realParts, lease: (options) => new EndlessLease(options) },
    kinds: ['leave some in the dark'],
  },
  'homes before the epoch is settled': {
    parts: { ...realParts, lease: (options) => new HastyLease(options) },
    kinds: ['leave some in the dark'],
  },
  'fences that stay where they were begun': {
    parts: { ...realParts, node: (options) => new DeafNode(options) },
    kinds: ['drain a node', 'slow writes'],
  },
  'gateways that are lost without a trace': {
    parts: { ...realParts, lease: (options) => new HeedlessLease(options) },
    kinds: ['lose a gateway'],
  },
  'tokens that stay good': {
    parts: { ...realParts, info: (options) => new TokenlessInfo(options) },
    kinds: ['storm'],
  },
};
