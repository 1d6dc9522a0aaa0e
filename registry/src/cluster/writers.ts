/**
 * The gateways that may write, each with a lease of its own. One acknowledges an epoch once its writes under
 * way are fenced at their homes by it, so that no new home uses what it knows beside a write that it was not
 * told of. Whose lease runs out gave no such word: it is lost, and told to all nodes until whatever it wrote
 * is over. Synchronous, with times handed in, as `MembershipMachine`.
 */
import { type LostWriters, registryLeaseMs, unsettledMs } from '@forebay/core/membership';

/** All that outlives the process. */
export interface DurableWriters {
  /** The epoch that each one has acknowledged, or an earlier one, by its id. */
  readonly leased: Readonly<Record<string, number>>;
  readonly lost: Readonly<Record<string, number>>;
  /** Those whose word the newest epoch waits for. */
  readonly awaited: readonly string[];
}

interface Writer {
  epoch: number;
  /** Monotonic: of its lease, or of being lost. */
  untilMs: number;
}

const writersMax = 10_000;
/** More are kept as one, of whom nothing is known. */
const lostMax = 10_000;
/** Also writers of a state of the registry that is gone. */
const unknownWriter = '';

export class Writers {
  readonly #leased = new Map<string, Writer>();
  readonly #lost = new Map<string, Writer>();
  readonly #awaited: Set<string>;
  /** Told of what must be stored. */
  readonly #changed: () => void;
  /** Nothing runs out before. */
  #nextExpiryMs = Number.POSITIVE_INFINITY;
  #told: LostWriters | undefined;

  constructor(
    durable: DurableWriters | undefined,
    { nowMs, changed }: { nowMs: number; changed: () => void },
  ) {
    this.#changed = changed;
    const { leased = {}, lost = {}, awaited = [] } = durable ?? {};
    // An earlier process may have granted leases until just now.
    for (const [id, epoch] of Object.entries(leased)) this.#lease(id, epoch, nowMs);
    for (const [id, epoch] of Object.entries(lost)) this.#lose(id, epoch, nowMs);
    this.#awaited = new Set(awaited);
  }

  get durable(): DurableWriters {
    const epochsOf = (writers: ReadonlyMap<string, Writer>) =>
      Object.fromEntries([...writers].map(([id, { epoch }]) => [id, epoch]));
    return { leased: epochsOf(this.#leased), lost: epochsOf(this.#lost), awaited: [...this.#awaited] };
  }

  get count(): number {
    return this.#leased.size;
  }

  /** Whether the word of one is awaited. */
  get isAwaited(): boolean {
    return this.#awaited.size > 0;
  }

  /** The same object until it changes; undefined: none. */
  get lost(): LostWriters | undefined {
    return this.#told;
  }

  get nextExpiryMs(): number {
    return this.#nextExpiryMs;
  }

  /** It acknowledges the newest epoch. @returns whether it has a lease */
  renew(id: string, epoch: number, nowMs: number): boolean {
    const isKnown = this.#leased.has(id);
    if (!isKnown && this.#leased.size >= writersMax) return false;
    this.#lease(id, epoch, nowMs);
    if (this.#lost.delete(id)) this.#tell();
    else if (!isKnown) this.#changed();
    this.#gaveWord(id);
    return true;
  }

  /** It is there, and gets no lease yet: the first epoch waits for its word. */
  present(id: string, nowMs: number): void {
    if (this.#leased.size < writersMax || this.#leased.has(id)) this.#lease(id, 0, nowMs);
  }

  /** Nothing that it wrote is under way. */
  leave(id: string): void {
    if (this.#leased.delete(id)) this.#changed();
    if (this.#lost.delete(id)) this.#tell();
    this.#gaveWord(id);
  }

  /** A new epoch is formed: it waits for all. */
  awaitAll(): void {
    for (const id of this.#leased.keys()) this.#awaited.add(id);
  }

  /** There was another state of the registry, and whom it granted leases is not known. */
  startOver(nowMs: number): void {
    for (const writer of this.#leased.values()) writer.epoch = 0;
    for (const writer of this.#lost.values()) writer.epoch = 0;
    this.#awaited.clear();
    this.#lose(unknownWriter, 0, nowMs);
  }

  expire(nowMs: number): void {
    if (nowMs < this.#nextExpiryMs) return;
    this.#nextExpiryMs = Number.POSITIVE_INFINITY;
    for (const [id, { epoch, untilMs }] of this.#leased) {
      if (untilMs > nowMs) this.#expiresAt(untilMs);
      else {
        this.#leased.delete(id);
        this.#lose(id, epoch, nowMs);
        this.#gaveWord(id);
      }
    }
    for (const [id, { untilMs }] of this.#lost) {
      if (untilMs > nowMs) this.#expiresAt(untilMs);
      else if (this.#lost.delete(id)) this.#tell();
    }
  }

  #lease(id: string, epoch: number, nowMs: number): void {
    const untilMs = nowMs + registryLeaseMs;
    this.#leased.set(id, { epoch, untilMs });
    this.#expiresAt(untilMs);
  }

  #lose(id: string, epoch: number, nowMs: number): void {
    const untilMs = nowMs + unsettledMs;
    this.#lost.set(id, { epoch, untilMs });
    if (this.#lost.size > lostMax) {
      this.#lost.clear();
      this.#lost.set(unknownWriter, { epoch: 0, untilMs });
    }
    this.#expiresAt(untilMs);
    this.#tell();
  }

  #gaveWord(id: string): void {
    if (this.#awaited.delete(id) && this.#awaited.size === 0) this.#changed();
  }

  #expiresAt(untilMs: number): void {
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, untilMs);
  }

  #tell(): void {
    const epochs = [...this.#lost.values()].map(({ epoch }) => epoch);
    const count = epochs.length;
    this.#told = count > 0 ? { first: Math.min(...epochs), last: Math.max(...epochs), count } : undefined;
    this.#changed();
  }
}
