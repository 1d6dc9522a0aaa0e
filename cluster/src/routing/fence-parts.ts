/** Whom a begin or an end goes to by a ring, and what each is told. */
import type { RingMember } from '@forebay/core/membership';
import { type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import type { Ring } from '@forebay/core/ring';
import type { RoutableNode } from './peer.ts';

/** A part of a fence, and whom it is for. */
export interface Part {
  readonly member: RingMember;
  readonly send: (node: RoutableNode, epoch: number) => Promise<unknown>;
  /** It counted. */
  readonly done: () => void;
}

/** What is missing by this ring; undefined: nothing can be sent by it. */
export type PartsOf = (ring: Ring) => readonly Part[] | undefined;

/** What is sent to a home or member, and who hears that it counted. */
interface Telling<What extends readonly unknown[]> {
  readonly send: (node: RoutableNode, ...what: [...What, epoch: number]) => Promise<unknown>;
  readonly done: (member: RingMember, ...what: What) => void;
}

/** Objects by their homes. Those that are done leave `open`. */
export function homesOf(
  ring: Ring,
  open: Set<ObjectRef>,
  { send, done }: Telling<[objects: readonly ObjectRef[]]>,
): readonly Part[] | undefined {
  const byHome = Map.groupBy(open, (object) => ring.homeOf(placementKeyOf(object)));
  if (byHome.has(undefined)) return undefined;
  return [...byHome].map(([member, objects]) => ({
    member: member!,
    send: (node, epoch) => send(node, objects, epoch),
    done: () => {
      for (const object of objects) open.delete(object);
      done(member!, objects);
    },
  }));
}

/** Every active member of one epoch; where another epoch comes, all of that one. */
export class EveryMember {
  #epoch: Ring['epoch'] | undefined;
  #done = new Set<string>();

  partsOf(ring: Ring, { send, done: tell }: Telling<[]>): readonly Part[] | undefined {
    const { epoch } = ring;
    if (this.#epoch !== epoch) {
      this.#epoch = epoch;
      this.#done = new Set();
    }
    const done = this.#done;
    const active = epoch.members.filter(({ state }) => state === 'active');
    if (active.length === 0) return undefined;
    return active
      .filter(({ nodeId }) => !done.has(nodeId))
      .map((member) => ({
        ...{ member, send },
        done: () => {
          done.add(member.nodeId);
          tell(member);
        },
      }));
  }
}
