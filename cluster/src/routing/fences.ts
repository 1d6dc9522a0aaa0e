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
/** Of a home that is away for long the last name is used again. */
const renamedMax = 3;

type FenceOp = 'begin' | 'end';
/** `lost`: there was no answer, and whether it counted is not known. */
type Sent = 'done' | 'refused' | 'lost';

/** A part of a fence, and whom it is for. */
interface Part {
  readonly member: RingMember;
  readonly send: (node: RoutableNode, epoch: number) => Promise<unknown>;
  /** It counted. */
  readonly done: () => void;
}

/** What is missing by this ring; undefined: nothing can be sent by it. */
type PartsOf = (ring: Ring) => readonly Part[] | undefined;

interface FenceStep {
  readonly op: FenceOp;
  readonly fenceId: string;
  readonly msMax: number;
}

export class Fences {
  readonly #routing: Routing;
  /** From the begin of a fence to its end. */
  readonly #standing = new Map<string, Standing>();

  constructor(routing: Routing) {
    this.#routing = routing;
  }

  /** @throws ForebayError `overloaded`: nothing may be written */
  async begin(objects: readonly ObjectRef[], fenceId: string): Promise<void> {
    const open = new Set(objects);
    if (open.size === 0) return;
    const partsOf = (ring: Ring) =>
      homesOf(ring, open, (node, own, epoch) => node.beginWrite(own, this.#nameOf(fenceId), epoch));
    try {
      await this.#untilDone({ op: 'begin', fenceId, msMax: beginMsMax }, partsOf);
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
    const endAt = (node: RoutableNode, own: readonly ObjectRef[], epoch: number) =>
      Promise.all(this.#namesOf(fenceId).map((name) => node.endWrite(own, name, outcome, epoch)));
    const partsOf = (ring: Ring) => homesOf(ring, open, endAt);
    return this.#ended(fenceId, partsOf, (node, epoch) => endAt(node, objects, epoch));
  }

  /** @throws as `begin` */
  async beginBucket(mount: Mount, fenceId: string): Promise<void> {
    const all = new EveryMember();
    const partsOf = (ring: Ring) =>
      all.partsOf(ring, (node, epoch) => node.beginBucketWrite(mount, this.#nameOf(fenceId), epoch));
    try {
      await this.#untilDone({ op: 'begin', fenceId, msMax: beginMsMax }, partsOf);
    } catch (error) {
      this.endBucket(mount, fenceId, 'known').catch(() => {});
      throw error;
    }
  }

  /** @throws as `end` */
  async endBucket(mount: Mount, fenceId: string, outcome: WriteOutcome): Promise<FenceReceipt> {
    const all = new EveryMember();
    const endAt = (node: RoutableNode, epoch: number) =>
      Promise.all(this.#namesOf(fenceId).map((name) => node.endBucketWrite(mount, name, outcome, epoch)));
    return this.#ended(fenceId, (ring) => all.partsOf(ring, endAt), endAt);
  }

  async #ended(fenceId: string, partsOf: PartsOf, endAt: Part['send']): Promise<FenceReceipt> {
    try {
      await this.#untilDone({ op: 'end', fenceId, msMax: endMsMax }, partsOf);
    } finally {
      void this.#endBeside(fenceId, endAt);
    }
    return { fenceId, ended: true };
  }

  /** At nodes that it was begun at and that are homes no more: there it counts for nothing, and is closed. */
  async #endBeside(fenceId: string, endAt: Part['send']): Promise<void> {
    const { view } = this.#routing;
    const epoch = view.ring()?.epoch.number ?? 0;
    const members = [...(this.#standing.get(fenceId)?.members.values() ?? [])];
    const part = (member: RingMember): Part => ({ member, send: endAt, done: () => {} });
    const leftMs = answerMsMax;
    await Promise.all(members.map((member) => this.#send('end', part(member), { epoch, leftMs })));
    this.#standing.delete(fenceId);
  }

  #nameOf(fenceId: string): string {
    return nameOf(fenceId, this.#standing.get(fenceId)?.renamed ?? 0);
  }

  #namesOf(fenceId: string): string[] {
    const renamed = this.#standing.get(fenceId)?.renamed ?? 0;
    return Array.from({ length: renamed + 1 }, (_, index) => nameOf(fenceId, index));
  }

  async #untilDone({ op, fenceId, msMax }: FenceStep, partsOf: PartsOf): Promise<void> {
    const { view, clock } = this.#routing;
    const untilMs = clock.monotonicMs() + msMax;
    for (let tries = 0; ; tries += 1) {
      const ring = view.ring();
      const parts = ring && partsOf(ring);
      if (ring && parts?.length === 0) return;
      if (ring && parts) {
        const at = { epoch: ring.epoch.number, leftMs: untilMs - clock.monotonicMs() };
        if (op === 'begin') for (const { member } of parts) this.#standingOf(fenceId).add(member);
        const sent = await Promise.all(
          parts.map(async (part) => {
            const result = await this.#send(op, part, at);
            const isEnded = op === 'end' && result === 'done';
            if (isEnded || result === 'refused') this.#standing.get(fenceId)?.remove(part.member, isEnded);
            return result;
          }),
        );
        // Another look: a whole bucket is fenced only if the ring is still the same.
        if (sent.every((one) => one === 'done')) continue;
        if (op === 'begin' && sent.includes('lost')) this.#standingOf(fenceId).rename();
      }
      await this.#beforeNext(op, tries, untilMs);
    }
  }

  #standingOf(fenceId: string): Standing {
    const known = this.#standing.get(fenceId) ?? new Standing();
    this.#standing.set(fenceId, known);
    return known;
  }

  /** @throws what another try cannot help */
  async #send(
    op: FenceOp,
    { member, send, done }: Part,
    { epoch, leftMs }: { readonly epoch: number; readonly leftMs: number },
  ): Promise<Sent> {
    const { peers, metrics } = this.#routing;
    const ask = { peer: peers.of(member), op, metrics, patienceMs };
    try {
      const asked = askNode(ask, { send: (node) => send(node, epoch) });
      const answer = await within(asked, Math.min(answerMsMax, Math.max(1, leftMs)), this.#routing);
      if (answer === late) return 'lost';
      done();
      return 'done';
    } catch (error) {
      if (isKind(error, 'not-home')) return 'refused';
      // At its end a fence is worth every try.
      if (isNoAnswer(error) || op === 'end') return 'lost';
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

/** Where a fence was begun, and under how many names. */
class Standing {
  /**
   * A begin that got no answer may reach its node late, behind its own end: so who begins again does so under
   * another name.
   */
  renamed = 0;
  readonly members = new Map<string, RingMember>();

  add(member: RingMember): void {
    this.members.set(member.nodeId, member);
  }

  /** It does not stand there, unless it does so under an earlier name. */
  remove({ nodeId }: RingMember, isEnded: boolean): void {
    if (isEnded || this.renamed === 0) this.members.delete(nodeId);
  }

  rename(): void {
    this.renamed = Math.min(renamedMax, this.renamed + 1);
  }
}

function nameOf(fenceId: string, renamed: number): string {
  return renamed === 0 ? fenceId : `${fenceId}.${renamed}`;
}

function tooLate(op: FenceOp): ForebayError {
  if (op === 'end') return new ForebayError('state-unknown', 'the end of a write reached no home in time');
  const message = 'no home of the object can be told of the write';
  return new ForebayError('overloaded', message, { retryAfterMs: 1000 });
}

/** Objects by their homes. Those that are done leave `open`. */
function homesOf(
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
