/**
 * The registry while it is the active one: records, leases and epochs, and the view of them. Every answer to
 * another role goes out through `confirmed`: what it tells is stored by then, and the lock was still held
 * after it was decided.
 */
import { randomBytes } from 'node:crypto';
import type { CacheRule } from '@forebay/core/cache-policy';
import type { Clock } from '@forebay/core/clock';
import { recordBoxOf, wireBoxOf } from '@forebay/core/cluster-secret';
import type { WireMembership } from '@forebay/core/epoch-change';
import type { Log } from '@forebay/core/log';
import type { Membership, RenewalAnswer, RenewalRequest, WriterRenewal } from '@forebay/core/membership';
import type { Mount } from '@forebay/core/mount';
import type { SecretBox } from '@forebay/core/secret-box';
import type { User } from '@forebay/core/user';
import { type KeyPair, ViewWriter } from '@forebay/core/view-text';
import { LocalRegistry, type LocalRegistryOptions } from '../local-registry.ts';
import type { State } from '../state-store.ts';
import { type Coordination, type Lock, NotActive } from './coordination.ts';
import type { DurableMembership } from './durable-membership.ts';
import { fencedState } from './fenced-state.ts';
import { MembershipMachine } from './membership-machine.ts';
import type { RegistryCounters } from './metrics.ts';
import { News, type ViewText } from './news.ts';
import { SoftMembers } from './soft-members.ts';

/** Leases run out, and epochs are formed, within this time. */
const tickMs = 200;
/** Views of one holder of the lock; those of the next one are above. */
const revisionsPerFencing = 2 ** 32;
const membershipKey = 'membership';

export interface ActiveRegistryOptions {
  readonly clusterSecret: string;
  readonly mounts: readonly Mount[];
  readonly rules: readonly CacheRule[];
  readonly users: readonly User[];
  readonly restoreMount: LocalRegistryOptions['restoreMount'];
  /** Of the environment; undefined: the pair is one of the records, made at the first start. */
  readonly root: KeyPair | undefined;
  /** @returns a new pair, or one that was kept elsewhere */
  readonly makeRoot: () => KeyPair;
  readonly segmentBytes: number;
  readonly counters: RegistryCounters;
  readonly clock: Clock;
  readonly log: Log;
}

interface Parts {
  readonly shared: Coordination;
  readonly lock: Lock;
  readonly registry: LocalRegistry;
  readonly state: State;
  readonly machine: MembershipMachine;
  readonly news: News;
  readonly stateId: string;
  readonly root: KeyPair;
  readonly counters: RegistryCounters;
  readonly clock: Clock;
}

export class ActiveRegistry {
  readonly lock: Lock;
  readonly registry: LocalRegistry;
  /** Of records: what is written once another registry is active is refused. */
  readonly state: State;
  /** The root user's. */
  readonly root: KeyPair;
  readonly machine: MembershipMachine;
  readonly members = new SoftMembers();
  readonly #parts: Parts;
  readonly #ticking: NodeJS.Timeout;
  readonly #closed = Promise.withResolvers<void>();
  #isClosed = false;
  #storedVersion: number;
  #shownVersion: number;
  #round: Promise<void> = Promise.resolve();
  #nextRound: Promise<void> | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.lock = parts.lock;
    this.registry = parts.registry;
    this.state = parts.state;
    this.root = parts.root;
    this.machine = parts.machine;
    this.#storedVersion = parts.machine.durableVersion;
    this.#shownVersion = this.#storedVersion;
    this.#ticking = setInterval(() => this.tick(), tickMs).unref();
  }

  /** @throws NotActive, StoreUnavailable; Error where the records cannot be read */
  static async open(
    shared: Coordination,
    lock: Lock,
    options: ActiveRegistryOptions,
  ): Promise<ActiveRegistry> {
    const { clusterSecret, segmentBytes, clock, counters } = options;
    const state = fencedState(shared, lock);
    const secrets = recordBoxOf(clusterSecret);
    // Of this process alone: an older copy of the records may count to the same numbers again.
    const stateId = makeId();
    const { makeRoot } = options;
    const root =
      options.root ?? (await keptRoot(state, secrets)) ?? (await newRoot(state, secrets, makeRoot));
    const revisionsFrom = lock.fencing * revisionsPerFencing;
    const registry = await LocalRegistry.open({ ...options, state, secrets, revisionsFrom });
    const kept = await shared.read(membershipKey);
    const durable = kept === undefined ? undefined : (JSON.parse(kept) as DurableMembership);
    const nowMs = clock.monotonicMs();
    const machine = new MembershipMachine({ durable, segmentBytes, nowMs, makeId });
    await registry.showMembership(machine.membership());
    const news = new News(new ViewWriter({ box: wireBoxOf(clusterSecret), state: stateId, root }));
    return new ActiveRegistry({
      ...{ shared, lock, registry, state, machine, news, stateId, root, counters, clock },
    });
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#ticking);
    this.#closed.resolve();
  }

  /** Resolves when it is the active one no longer. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  tick(): void {
    this.machine.tick(this.#nowMs);
    this.#show();
  }

  /** @throws NotActive, StoreUnavailable */
  async renew(request: RenewalRequest): Promise<RenewalAnswer> {
    const answer = this.machine.renew(request, this.#nowMs);
    this.#parts.counters.renewed(answer);
    this.#show();
    await this.confirmed();
    return answer;
  }

  /** A membership as it is told to a node that has sent this request. */
  told(membership: Membership, has: Pick<RenewalRequest, 'registry' | 'epoch'>): WireMembership {
    return this.#parts.news.membershipOf(membership, has);
  }

  /** @returns whether the gateway has a lease. @throws NotActive, StoreUnavailable */
  async renewWriter(request: WriterRenewal): Promise<boolean> {
    const isGranted = this.machine.renewWriter(request, this.#nowMs);
    this.#show();
    await this.confirmed();
    return isGranted;
  }

  /** @returns false where no such node has a lease. @throws NotActive, StoreUnavailable */
  async drain(nodeId: string, wish: 'active' | 'draining'): Promise<boolean> {
    const isKnown = this.machine.drain(nodeId, wish, this.#nowMs);
    this.#show();
    await this.confirmed();
    return isKnown;
  }

  /**
   * The view once it is another one than `after`, as a change of that where it is known here; undefined where
   * it is still that one after the wait.
   * @throws NotActive, StoreUnavailable
   */
  async viewText(
    after: { readonly state: string; readonly revision: number } | undefined,
    wait: Wait,
  ): Promise<ViewText | undefined> {
    const known = after?.state === this.#parts.stateId ? after.revision : undefined;
    const isKnown = () => known === this.registry.view().revision;
    if (isKnown()) await this.#changed(wait);
    const text = isKnown() ? undefined : this.#parts.news.textOf(this.registry.view(), known);
    await this.confirmed();
    return text;
  }

  /**
   * Resolves once all that was decided before this call is stored, and the lock was held after it.
   * @throws NotActive, StoreUnavailable
   */
  confirmed(): Promise<void> {
    // One check serves all that wait for it: it begins after they were decided.
    this.#nextRound ??= this.#round
      .catch(() => undefined)
      .then(() => {
        this.#nextRound = undefined;
        return this.#confirm();
      });
    this.#round = this.#nextRound;
    return this.#nextRound;
  }

  get #nowMs(): number {
    return this.#parts.clock.monotonicMs();
  }

  async #confirm(): Promise<void> {
    const { shared, lock, machine } = this.#parts;
    if (this.#isClosed) throw new NotActive();
    const version = machine.durableVersion;
    const durable = version === this.#storedVersion ? undefined : machine.durable();
    const isHeld = durable
      ? await shared.write(lock, membershipKey, JSON.stringify(durable))
      : await shared.isHeld(lock);
    if (!isHeld || this.#isClosed) throw new NotActive();
    this.#storedVersion = version;
  }

  #show(): void {
    if (this.machine.durableVersion === this.#shownVersion) return;
    this.#shownVersion = this.machine.durableVersion;
    void this.registry.showMembership(this.machine.membership());
  }

  /** Resolves with the next change, at the end of the wait, or where this registry is active no more. */
  async #changed({ ms, signal }: Wait): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    const leave = this.registry.watch(() => resolve());
    signal?.addEventListener('abort', () => resolve(), { once: true });
    await Promise.race([promise, this.#closed.promise]);
    clearTimeout(timer);
    leave();
  }
}

export interface Wait {
  readonly ms: number;
  /** Nobody waits any more. */
  readonly signal?: AbortSignal | undefined;
}

function makeId(): string {
  return randomBytes(8).toString('hex');
}

/**
 * The root user's pair as the records have it.
 * @throws StoreUnavailable; Error where they are sealed with another secret
 */
export async function keptRoot(state: State, secrets: SecretBox): Promise<KeyPair | undefined> {
  const kept = await state.get<{ accessKey: string; sealedSecretKey: string }>('root');
  if (!kept) return undefined;
  const { accessKey, sealedSecretKey } = kept;
  try {
    return { accessKey, secretKey: secrets.open(sealedSecretKey, sealOf(accessKey)) };
  } catch (cause) {
    throw new Error('the records of the registry are sealed with another FOREBAY_CLUSTER_SECRET', { cause });
  }
}

async function newRoot(state: State, secrets: SecretBox, makeRoot: () => KeyPair): Promise<KeyPair> {
  const { accessKey, secretKey } = makeRoot();
  await state.set('root', { accessKey, sealedSecretKey: secrets.seal(secretKey, sealOf(accessKey)) });
  return { accessKey, secretKey };
}

function sealOf(accessKey: string): string {
  return `root\0${accessKey}`;
}
