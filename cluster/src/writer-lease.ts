/**
 * The lease of who writes through the homes of a cluster: a gateway, or a node for jobs. Without one no write
 * is begun. By renewing it an epoch is acknowledged, once all writes under way are fenced at their homes by
 * it; until then, or until the lease runs out, the epoch does not settle. So no home uses what it knows
 * beside a write that it was not told of. Who has not written for a while gives it up.
 */
import type { WriterRenewal } from '@forebay/core/membership';
import { renewalMs } from '@forebay/core/membership';
import type { Ring } from '@forebay/core/ring';
import { lapseOf, type SentAt, sentNow } from './lapse.ts';
import type { RingView } from './routing/ring-view.ts';
import { type Timing, within } from './routing/time.ts';

/** @returns whether it was granted. Rejects where no registry answers */
export type RenewWriter = (request: WriterRenewal) => Promise<boolean>;

export interface WriterLeaseOptions extends Pick<Timing, 'clock' | 'sleep'> {
  /** Each time that a lease is taken up it has a name of its own. */
  readonly makeId: () => string;
  readonly view: RingView;
  readonly renew: RenewWriter;
  /** Fences at the homes by this ring what is under way. @returns whether that was done */
  readonly carry: (ring: Ring) => Promise<boolean>;
  /** Whether nothing is under way, and how all writes ended is known. */
  readonly isIdle: () => boolean;
}

/** Where it was refused, or not all homes could be told. */
const soonMs = 500;
/** One that takes longer is of no use. */
const answerMsMax = 2_500;
/** Without a write for so long it is given up. */
const idleMsMax = 30_000;

export class WriterLease {
  readonly #options: WriterLeaseOptions;
  /** Undefined: there is no lease, and none is asked for. */
  #id: string | undefined;
  /** By whose homes everything is fenced. */
  #carried: Ring | undefined;
  #granted: SentAt | undefined;
  #grant = Promise.withResolvers<void>();
  #usedAtMs = 0;
  #isRunning = false;
  #isClosed = false;
  #wake = new AbortController();

  constructor(options: WriterLeaseOptions) {
    this.#options = options;
  }

  get isLeased(): boolean {
    return this.#granted !== undefined && lapseOf(this.#granted, this.#options.clock) === undefined;
  }

  /** Something is to be written. @returns whether there is a lease; else it is to be waited for */
  use(): boolean {
    this.#usedAtMs = this.#options.clock.monotonicMs();
    return this.isLeased;
  }

  /** Takes one up where there is none. Resolves once it is granted. */
  async leased(): Promise<void> {
    if (!this.#isRunning && !this.#isClosed) void this.#run();
    await this.#grant.promise;
  }

  /** There may be another epoch. */
  changed(): void {
    if (this.#isNews(this.#options.view.ring())) this.#wake.abort();
  }

  /** None is renewed any more. */
  close(): void {
    this.#isClosed = true;
    this.#granted = undefined;
    this.#wake.abort();
  }

  /** It is not waited for any more, where nothing is under way. Rejects where no registry answers. */
  async leave(): Promise<void> {
    this.close();
    if (this.#options.isIdle()) await this.#giveUp();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (!this.#isClosed && !this.#isUnused()) {
      this.#wake = new AbortController();
      const pauseMs = await this.#next().catch(() => soonMs);
      if (!this.#isClosed) await this.#options.sleep(pauseMs, this.#wake.signal).catch(() => {});
    }
    this.#isRunning = false;
    // Before anything is awaited: who wants to write from now on takes up another one.
    if (!this.#isClosed) await this.#giveUp().catch(() => {});
  }

  #isUnused(): boolean {
    const { clock, isIdle } = this.#options;
    return isIdle() && clock.monotonicMs() - this.#usedAtMs >= idleMsMax;
  }

  async #giveUp(): Promise<void> {
    const id = this.#id;
    if (id === undefined) return;
    this.#granted = undefined;
    this.#id = undefined;
    await this.#options.renew({ ...this.#acknowledged, writerId: id, wish: 'leaving' });
  }

  /** @returns when to go on, in ms */
  async #next(): Promise<number> {
    const { view, carry, clock, renew, makeId } = this.#options;
    this.#id ??= makeId();
    const ring = view.ring();
    if (this.#isNews(ring)) {
      if (!(await carry(ring))) return soonMs;
      this.#carried = ring;
    }
    const sent = sentNow(clock);
    const asked = renew({ ...this.#acknowledged, writerId: this.#id, wish: 'active' });
    const isGranted = await within(asked, answerMsMax, this.#options);
    if (this.#isClosed) return 0;
    if (isGranted === true) this.#took(sent);
    else if (isGranted === false) await view.refresh();
    if (this.#isNews(view.ring())) return 0;
    return isGranted === true ? renewalMs : soonMs;
  }

  #took(sent: SentAt): void {
    this.#granted = sent;
    this.#grant.resolve();
    this.#grant = Promise.withResolvers();
  }

  get #acknowledged(): Pick<WriterRenewal, 'epoch' | 'registry'> {
    const { number = 0, registry } = this.#carried?.epoch ?? {};
    return { epoch: number, registry };
  }

  #isNews(ring: Ring | undefined): ring is Ring {
    return ring !== undefined && ring !== this.#carried;
  }
}
