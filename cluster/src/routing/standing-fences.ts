/**
 * The fences of one gateway whose writes are not over: what each is on, where it may stand, and where it is
 * known to stand. One whose write has an unknown end stands for as long as that write may still take effect.
 */
import type { Clock } from '@forebay/core/clock';
import { type RingMember, unsettledMs } from '@forebay/core/membership';
import { type Mount, type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import type { Ring } from '@forebay/core/ring';

/** What a fence is on: objects, or a mount's whole bucket. */
export type Fenced = { readonly objects: readonly ObjectRef[] } | { readonly mount: Mount };

/**
 * So many times a fence is begun anew where it is not known whether it stands: more often than a begin is
 * tried until its deadline.
 */
const renamedMax = 64;
/** Writes of unknown outcome that one gateway remembers. */
const unknownMax = 10_000;

export class Standing {
  readonly fenceId: string;
  readonly fenced: Fenced;
  /** Nodes that it was begun at, or may have been. */
  readonly members = new Map<string, RingMember>();
  /** Monotonic: the outcome of the write is unknown, and until then it may take effect. */
  unknownUntilMs: number | undefined;
  /** Nothing of the write is under way any more. */
  isOver = false;
  #renamed = 0;
  /** By process, what it is known to stand on there. */
  readonly #held = new Map<string, Set<ObjectRef> | 'all'>();

  constructor(fenceId: string, fenced: Fenced) {
    this.fenceId = fenceId;
    this.fenced = fenced;
  }

  /** The name of the next begin. */
  get name(): string {
    return nameOf(this.fenceId, this.#renamed);
  }

  get isRenamed(): boolean {
    return this.#renamed > 0;
  }

  /** All that it was ever begun under. */
  get names(): string[] {
    return Array.from({ length: this.#renamed + 1 }, (_, index) => nameOf(this.fenceId, index));
  }

  /**
   * A begin that got no answer may reach its node late, behind its own end: so who begins again does so under
   * another name.
   */
  rename(): void {
    this.#renamed = Math.min(renamedMax, this.#renamed + 1);
  }

  add(member: RingMember): void {
    this.members.set(member.nodeId, member);
  }

  /** It does not stand there, unless it does so under an earlier name. */
  remove({ nodeId }: RingMember, isEnded: boolean): void {
    if (isEnded || this.#renamed === 0) this.members.delete(nodeId);
  }

  holds(member: RingMember, objects: readonly ObjectRef[] | 'all'): void {
    const name = processOf(member);
    const known = this.#held.get(name);
    if (objects === 'all' || known === 'all') this.#held.set(name, 'all');
    else if (!known) this.#held.set(name, new Set(objects));
    else for (const object of objects) known.add(object);
  }

  /** What it is on and where, by this ring, as far as it is not known to stand there. */
  missingBy(ring: Ring): readonly { readonly member: RingMember; readonly objects: readonly ObjectRef[] }[] {
    const { fenced } = this;
    if ('mount' in fenced) {
      const active = ring.epoch.members.filter(({ state }) => state === 'active');
      const missing = active.filter((member) => !this.#held.has(processOf(member)));
      return missing.map((member) => ({ member, objects: [] }));
    }
    const byHome = Map.groupBy(fenced.objects, (object) => ring.homeOf(placementKeyOf(object)));
    return [...byHome].flatMap(([member, all]) => {
      if (!member) return [];
      const held = this.#held.get(processOf(member));
      const objects = held === 'all' ? [] : all.filter((object) => !held?.has(object));
      return objects.length === 0 ? [] : [{ member, objects }];
    });
  }
}

export class StandingFences {
  readonly #clock: Clock;
  readonly #standing = new Map<string, Standing>();
  /** Those of unknown writes, the oldest first. */
  readonly #unknown = new Set<Standing>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nothing is under way, and all that was is known. */
  get isEmpty(): boolean {
    return this.all().length === 0;
  }

  /** False: too much is unknown for another write to be begun. */
  get hasRoom(): boolean {
    this.#forgetUnknown();
    return this.#unknown.size < unknownMax;
  }

  all(): readonly Standing[] {
    this.#forgetUnknown();
    return [...this.#standing.values()];
  }

  /** The one of this name, or a new one. */
  of(fenceId: string, fenced: Fenced): Standing {
    const known = this.#standing.get(fenceId) ?? new Standing(fenceId, fenced);
    this.#standing.set(fenceId, known);
    return known;
  }

  over(standing: Standing): void {
    standing.isOver = true;
    this.#standing.delete(standing.fenceId);
    this.#unknown.delete(standing);
  }

  /** Its write may take effect for a while yet. */
  unknown(standing: Standing): void {
    standing.unknownUntilMs = this.#clock.monotonicMs() + unsettledMs;
    this.#unknown.add(standing);
  }

  #forgetUnknown(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const standing of this.#unknown) {
      if (standing.unknownUntilMs! > nowMs) return;
      this.over(standing);
    }
  }
}

function nameOf(fenceId: string, renamed: number): string {
  return renamed === 0 ? fenceId : `${fenceId}.${renamed}`;
}

function processOf({ nodeId, incarnation }: RingMember): string {
  return `${nodeId} ${incarnation}`;
}
