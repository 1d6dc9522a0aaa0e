/**
 * Fences over many homes (DESIGN §4, Writes). What is begun or ended counts only where the node is the home
 * in just the epoch by which it was chosen; what does not count is sent again by the newest ring, until a
 * deadline.
 */
import type { FenceReceipt, WriteOutcome } from '@forebay/core/cache-node';
import { ForebayError, isKind } from '@forebay/core/errors';
import type { RingMember } from '@forebay/core/membership';
import { type Mount, type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import type { Ring } from '@forebay/core/ring';
import { askNode, isNoAnswer } from './ask-node.ts';
import type { RoutableNode } from './peer.ts';
import type { Routing } from './routing.ts';
import { late, pauseMsOf, within } from './time.ts';

/** A write that may not begin by then writes nothing. */
const beginMsMax = 20_000;
/** Of a write whose end is not confirmed by then nobody says how it went. */
const endMsMax = 30_000;
/** A home that lives answers in far less: nothing is waited for there. */
const answerMsMax = 5_000;
const patienceMs = 500;

type FenceOp = 'begin' | 'end';

/** A part of a fence, and whom it is for. */
interface Part {
  readonly member: RingMember;
  readonly send: (node: RoutableNode, epoch: number) => Promise<unknown>;
  /** It counted. */
  readonly done: () => void;
}

export class Fences {
  readonly #routing: Routing;

  constructor(routing: Routing) {
    this.#routing = routing;
  }

  /** @throws ForebayError `overloaded`: nothing may be written */
  async begin(objects: readonly ObjectRef[], fenceId: string): Promise<void> {
    const open = new Set(objects);
    if (open.size === 0) return;
    try {
      await this.#untilDone('begin', beginMsMax, (ring) =>
        partsOf(ring, open, (node, own, epoch) => node.beginWrite(own, fenceId, epoch)),
      );
    } catch (error) {
      // Whatever of it stands, nothing will be written behind it.
      this.end(objects, fenceId, 'known').catch(() => {});
      throw error;
    }
  }

  /** @throws ForebayError `state-unknown` */
  async end(objects: readonly ObjectRef[], fenceId: string, outcome: WriteOutcome): Promise<FenceReceipt> {
    const open = new Set(objects);
    if (open.size === 0) return { fenceId, ended: true };
    await this.#untilDone('end', endMsMax, (ring) =>
      partsOf(ring, open, (node, own, epoch) => node.endWrite(own, fenceId, outcome, epoch)),
    );
    return { fenceId, ended: true };
  }

  /** @throws as `begin` */
  async beginBucket(mount: Mount, fenceId: string): Promise<void> {
    const all = new EveryMember();
    try {
      await this.#untilDone('begin', beginMsMax, (ring) =>
        all.partsOf(ring, (node, epoch) => node.beginBucketWrite(mount, fenceId, epoch)),
      );
    } catch (error) {
      this.endBucket(mount, fenceId, 'known').catch(() => {});
      throw error;
    }
  }

  /** @throws as `end` */
  async endBucket(mount: Mount, fenceId: string, outcome: WriteOutcome): Promise<FenceReceipt> {
    const all = new EveryMember();
    await this.#untilDone('end', endMsMax, (ring) =>
      all.partsOf(ring, (node, epoch) => node.endBucketWrite(mount, fenceId, outcome, epoch)),
    );
    return { fenceId, ended: true };
  }

  /** @param partsOf what is missing by this ring; undefined: nothing can be sent by it */
  async #untilDone(
    op: FenceOp,
    msMax: number,
    partsOf: (ring: Ring) => readonly Part[] | undefined,
  ): Promise<void> {
    const { view, clock } = this.#routing;
    const untilMs = clock.monotonicMs() + msMax;
    for (let tries = 0; ; tries += 1) {
      const ring = view.ring();
      const parts = ring && partsOf(ring);
      if (ring && parts?.length === 0) return;
      if (ring && parts) {
        const epoch = ring.epoch.number;
        const missing = await Promise.all(
          parts.map((part) => this.#send(op, part, { epoch, leftMs: untilMs - clock.monotonicMs() })),
        );
        // Another look: a whole bucket is fenced only if the ring is still the same.
        if (!missing.includes(true)) continue;
      }
      await this.#beforeNext(op, tries, untilMs);
    }
  }

  /** @returns whether it is to be sent again. @throws what another try cannot help */
  async #send(
    op: FenceOp,
    { member, send, done }: Part,
    { epoch, leftMs }: { readonly epoch: number; readonly leftMs: number },
  ): Promise<boolean> {
    const { peers, metrics } = this.#routing;
    const ask = { peer: peers.of(member), op, metrics, patienceMs };
    try {
      const asked = askNode(ask, { send: (node) => send(node, epoch) });
      const answer = await within(asked, Math.min(answerMsMax, Math.max(1, leftMs)), this.#routing);
      if (answer === late) return true;
      done();
      return false;
    } catch (error) {
      if (isKind(error, 'not-home') || isNoAnswer(error)) return true;
      // At its end a fence is worth every try.
      if (op === 'end') return true;
      throw error;
    }
  }

  /** Learns the newest ring and pauses. @throws ForebayError past the deadline */
  async #beforeNext(op: FenceOp, tries: number, untilMs: number): Promise<void> {
    const { view, clock, sleep } = this.#routing;
    await view.refresh();
    const leftMs = untilMs - clock.monotonicMs();
    if (leftMs <= 0) throw tooLate(op);
    const never = new AbortController();
    await sleep(Math.min(leftMs, pauseMsOf(tries, this.#routing)), never.signal);
  }
}

function tooLate(op: FenceOp): ForebayError {
  if (op === 'end') return new ForebayError('state-unknown', 'the end of a write reached no home in time');
  const message = 'no home of the object can be told of the write';
  return new ForebayError('overloaded', message, { retryAfterMs: 1000 });
}

/** Objects by their homes. Those that are done leave `open`. */
function partsOf(
  ring: Ring,
  open: Set<ObjectRef>,
  send: (node: RoutableNode, objects: readonly ObjectRef[], epoch: number) => Promise<unknown>,
): readonly Part[] | undefined {
  const byHome = Map.groupBy(open, (object) => ring.homeOf(placementKeyOf(object)));
  if (byHome.has(undefined)) return undefined;
  return [...byHome].map(([member, objects]) => ({
    member: member!,
    send: (node, epoch) => send(node, objects, epoch),
    done: () => {
      for (const object of objects) open.delete(object);
    },
  }));
}

/** Every active member of one epoch; where another epoch comes, all of that one. */
class EveryMember {
  #epoch: Ring['epoch'] | undefined;
  #done = new Set<string>();

  partsOf(
    ring: Ring,
    send: (node: RoutableNode, epoch: number) => Promise<unknown>,
  ): readonly Part[] | undefined {
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
      .map((member) => ({ member, send, done: () => done.add(member.nodeId) }));
  }
}
