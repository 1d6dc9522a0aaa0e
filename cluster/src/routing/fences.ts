/**
 * Fences over many homes (DESIGN §4, Writes). What is begun or ended counts only where the node is the home
 * in just the epoch by which it was chosen; what does not count is sent again by the newest ring, until a
 * deadline.
 */
import type { FenceReceipt, WriteOutcome } from '@forebay/core/cache-node';
import { ForebayError, isKind } from '@forebay/core/errors';
import type { RingMember } from '@forebay/core/membership';
import type { Mount, ObjectRef } from '@forebay/core/mount';
import type { Ring } from '@forebay/core/ring';
import type { WriterLease } from '../writer-lease.ts';
import { askNode, isNoAnswer } from './ask-node.ts';
import { EveryMember, homesOf, type Part, type PartsOf } from './fence-parts.ts';
import type { RoutableNode } from './peer.ts';
import type { Routing } from './routing.ts';
import { type Fenced, type Standing, StandingFences } from './standing-fences.ts';
import { late, pauseMsOf, within } from './time.ts';

/** A write that may not begin by then writes nothing. */
const beginMsMax = 20_000;
/** Of a write whose end is not confirmed by then nobody says how it went. */
const endMsMax = 30_000;
/** A home that lives answers in far less: nothing is waited for there. */
const answerMsMax = 5_000;
const patienceMs = 500;

type FenceOp = 'begin' | 'end';
/** `lost`: there was no answer, and whether it counted is not known. */
type Sent = 'done' | 'refused' | 'lost';

interface FenceStep {
  readonly op: FenceOp;
  readonly standing: Standing;
  readonly msMax: number;
  /** What is done counts only while this holds. */
  readonly isAllowed: () => boolean;
}

export class Fences {
  readonly #routing: Routing;
  readonly #standing: StandingFences;
  readonly #writer: Pick<WriterLease, 'isLeased' | 'use' | 'leased'>;

  /** @param writer nothing is begun without its lease: nobody would wait for this gateway's word */
  constructor(routing: Routing, writer: Pick<WriterLease, 'isLeased' | 'use' | 'leased'>) {
    this.#routing = routing;
    this.#standing = new StandingFences(routing.clock);
    this.#writer = writer;
  }

  /** Nothing is under way, and how all writes ended is known. */
  get isEmpty(): boolean {
    return this.#standing.isEmpty;
  }

  /** @throws ForebayError `overloaded`: nothing may be written */
  async begin(objects: readonly ObjectRef[], fenceId: string): Promise<void> {
    if (objects.length === 0) return;
    const untilMs = await this.#leased();
    const open = new Set(objects);
    const standing = this.#opened(fenceId, { objects });
    await this.#begin(standing, untilMs, (ring) =>
      homesOf(ring, open, {
        send: (node, own, epoch) => node.beginWrite(own, standing.name, epoch),
        done: (member, own) => standing.holds(member, own),
      }),
    );
  }

  /** @throws ForebayError `state-unknown` */
  async end(objects: readonly ObjectRef[], fenceId: string, outcome: WriteOutcome): Promise<FenceReceipt> {
    if (objects.length === 0) return { fenceId, ended: true };
    const open = new Set(objects);
    const standing = this.#standing.of(fenceId, { objects });
    const endAt = (node: RoutableNode, own: readonly ObjectRef[], epoch: number) =>
      Promise.all(standing.names.map((name) => node.endWrite(own, name, outcome, epoch)));
    const partsOf = (ring: Ring) => homesOf(ring, open, { send: endAt, done: () => {} });
    return this.#end(standing, { outcome, partsOf, endAt: (node, epoch) => endAt(node, objects, epoch) });
  }

  /** @throws as `begin` */
  async beginBucket(mount: Mount, fenceId: string): Promise<void> {
    const untilMs = await this.#leased();
    const all = new EveryMember();
    const standing = this.#opened(fenceId, { mount });
    await this.#begin(standing, untilMs, (ring) =>
      all.partsOf(ring, {
        send: (node, epoch) => node.beginBucketWrite(mount, standing.name, epoch),
        done: (member) => standing.holds(member, 'all'),
      }),
    );
  }

  /** @throws as `end` */
  async endBucket(mount: Mount, fenceId: string, outcome: WriteOutcome): Promise<FenceReceipt> {
    const all = new EveryMember();
    const standing = this.#standing.of(fenceId, { mount });
    const endAt = (node: RoutableNode, epoch: number) =>
      Promise.all(standing.names.map((name) => node.endBucketWrite(mount, name, outcome, epoch)));
    const partsOf = (ring: Ring) => all.partsOf(ring, { send: endAt, done: () => {} });
    return this.#end(standing, { outcome, partsOf, endAt });
  }

  /**
   * Has every write that is not over fenced at its homes by this ring as well, whether they are homes yet or
   * not: what is begun later by this ring or a later one stands there anyway.
   * @returns false: some could not be told
   */
  async carry(ring: Ring): Promise<boolean> {
    const carrying = this.#standing.all().flatMap((standing) =>
      standing.missingBy(ring).map(async ({ member, objects }) => {
        standing.add(member);
        const send = (node: RoutableNode) => carryTo(node, standing, objects);
        const part = { member, send, done: () => {} };
        const sent = await this.#send('begin', part, { epoch: ring.epoch.number, leftMs: answerMsMax });
        // Refused is what is marked as unknown at a node that is not the home yet: it is marked there.
        if (sent === 'done' || (sent === 'refused' && standing.unknownUntilMs !== undefined)) {
          standing.holds(member, 'mount' in standing.fenced ? 'all' : objects);
          return true;
        }
        if (sent === 'lost' || standing.isRenamed) standing.rename();
        return standing.isOver;
      }),
    );
    const carried = await Promise.all(carrying.map((one) => one.catch(() => false)));
    return carried.every(Boolean);
  }

  /** @returns until when a write may begin, monotonic. @throws ForebayError `overloaded` */
  async #leased(): Promise<number> {
    const untilMs = this.#routing.clock.monotonicMs() + beginMsMax;
    if (this.#writer.use()) return untilMs;
    const leased = await within(this.#writer.leased(), beginMsMax, this.#routing);
    if (leased === late) throw tooLate('begin');
    return untilMs;
  }

  #opened(fenceId: string, fenced: Fenced): Standing {
    if (this.#standing.hasRoom) return this.#standing.of(fenceId, fenced);
    const message = 'the outcome of too many writes is unknown';
    throw new ForebayError('overloaded', message, { retryAfterMs: 1000 });
  }

  async #begin(standing: Standing, untilMs: number, partsOf: PartsOf): Promise<void> {
    const isAllowed = () => this.#writer.isLeased;
    const msMax = untilMs - this.#routing.clock.monotonicMs();
    try {
      await this.#untilDone({ op: 'begin', standing, msMax, isAllowed }, partsOf);
    } catch (error) {
      // Whatever of it stands, nothing will be written behind it.
      const { fenced, fenceId } = standing;
      const ending =
        'mount' in fenced
          ? this.endBucket(fenced.mount, fenceId, 'known')
          : this.end(fenced.objects, fenceId, 'known');
      this.#standing.over(standing);
      ending.catch(() => {});
      throw error;
    }
  }

  async #end(
    standing: Standing,
    { outcome, partsOf, endAt }: { outcome: WriteOutcome; partsOf: PartsOf; endAt: Part['send'] },
  ): Promise<FenceReceipt> {
    const { fenceId } = standing;
    let isKnown = outcome === 'known';
    try {
      const isAllowed = () => true;
      await this.#untilDone({ op: 'end', standing, msMax: endMsMax, isAllowed }, partsOf);
    } catch (error) {
      isKnown = standing.isOver;
      throw error;
    } finally {
      if (isKnown) this.#standing.over(standing);
      else this.#standing.unknown(standing);
      void this.#endBeside(standing, endAt);
    }
    return { fenceId, ended: true };
  }

  /** At nodes that it was begun at and that are homes no more: there it counts for nothing, and is closed. */
  async #endBeside({ members }: Standing, endAt: Part['send']): Promise<void> {
    const epoch = this.#routing.view.ring()?.epoch.number ?? 0;
    const part = (member: RingMember): Part => ({ member, send: endAt, done: () => {} });
    const at = { epoch, leftMs: answerMsMax };
    await Promise.all([...members.values()].map((member) => this.#send('end', part(member), at)));
  }

  async #untilDone({ op, standing, msMax, isAllowed }: FenceStep, partsOf: PartsOf): Promise<void> {
    const { view, clock } = this.#routing;
    const untilMs = clock.monotonicMs() + msMax;
    for (let tries = 0; ; tries += 1) {
      const ring = isAllowed() ? view.ring() : undefined;
      const parts = ring && partsOf(ring);
      if (ring && parts?.length === 0) return;
      if (ring && parts) {
        const at = { epoch: ring.epoch.number, leftMs: untilMs - clock.monotonicMs() };
        if (op === 'begin') for (const { member } of parts) standing.add(member);
        const sent = await Promise.all(
          parts.map(async (part) => {
            const result = await this.#send(op, part, at);
            const isEnded = op === 'end' && result === 'done';
            if (isEnded || result === 'refused') standing.remove(part.member, isEnded);
            return result;
          }),
        );
        // Another look: a whole bucket is fenced only if the ring is still the same.
        if (sent.every((one) => one === 'done')) continue;
        if (op === 'begin' && (sent.includes('lost') || standing.isRenamed)) standing.rename();
      }
      await this.#beforeNext(op, tries, untilMs);
    }
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

/** One that is open is opened there too; one whose outcome is unknown is marked as such. */
function carryTo(
  node: RoutableNode,
  { name, fenced, unknownUntilMs }: Standing,
  objects: readonly ObjectRef[],
): Promise<unknown> {
  const isUnknown = unknownUntilMs !== undefined;
  if ('mount' in fenced) {
    if (isUnknown) return node.endBucketWrite(fenced.mount, name, 'unknown');
    return node.beginBucketWrite(fenced.mount, name, 'carried');
  }
  return isUnknown ? node.endWrite(objects, name, 'unknown') : node.beginWrite(objects, name, 'carried');
}

function tooLate(op: FenceOp): ForebayError {
  if (op === 'end') return new ForebayError('state-unknown', 'the end of a write reached no home in time');
  const message = 'no home of the object can be told of the write';
  return new ForebayError('overloaded', message, { retryAfterMs: 1000 });
}
