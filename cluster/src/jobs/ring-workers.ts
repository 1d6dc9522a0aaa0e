/**
 * Who works for the jobs of a cluster: for each part of an object the node that the ring gives it to, and for
 * copies of it that one's successors.
 */
import { ForebayError } from '@forebay/core/errors';
import type { JobWorker, JobWorkers } from '@forebay/core/job-worker';
import type { Membership, RingMember } from '@forebay/core/membership';
import { placementKeyOf } from '@forebay/core/mount';
import { type Ring, ringOf, segmentKeyOf } from '@forebay/core/ring';
import { type JobNode, remoteWorker } from './job-calls.ts';

const segmentBytesDefault = 64 * 1024 * 1024;

export interface RingWorkersOptions {
  /** Undefined: none is known. */
  readonly membership: () => Membership | undefined;
  readonly nodeOf: (member: RingMember) => Promise<JobNode>;
}

export function ringWorkers({ membership, nodeOf }: RingWorkersOptions): JobWorkers {
  let ring: Ring | undefined;
  const ringNow = () => {
    const epoch = membership()?.epoch;
    if (ring?.epoch.number !== epoch?.number) ring = epoch && ringOf(epoch);
    return ring;
  };
  const workers = new Map<string, { readonly member: RingMember; readonly worker: JobWorker }>();
  return {
    get partBytes() {
      return membership()?.epoch.segmentBytes ?? segmentBytesDefault;
    },
    get nodeCount() {
      return membership()?.epoch.members.filter(({ state }) => state === 'active').length ?? 0;
    },
    of: (object, part, replica = 0) => {
      const key = segmentKeyOf(placementKeyOf(object), part);
      const member = ringNow()?.ownersOf(key, replica + 1)[replica];
      if (!member) {
        const none = replica === 0 ? 'no cache node now' : 'fewer cache nodes now than replicas';
        throw new ForebayError('node-unavailable', `the cluster has ${none}`);
      }
      let known = workers.get(member.nodeId);
      if (known?.member.incarnation !== member.incarnation) {
        known = { member, worker: remoteWorker(() => nodeOf(member)) };
        workers.set(member.nodeId, known);
      }
      return { nodeId: member.nodeId, worker: known!.worker };
    },
  };
}
