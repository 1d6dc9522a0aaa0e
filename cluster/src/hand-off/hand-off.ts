/**
 * Hand-off of pages: what a node of a cluster does about pages that moved with the ring. It asks the nodes
 * that had them before the UFS, takes those that it is offered, and offers those that others own by now.
 */
import type { HandOffProgress } from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import { ForebayError } from '@forebay/core/errors';
import type { KeptPages } from '@forebay/core/kept-pages';
import type { Log } from '@forebay/core/log';
import type { Membership, RingMember } from '@forebay/core/membership';
import type { Metrics } from '@forebay/core/metrics';
import type { Mount } from '@forebay/core/mount';
import type { Ufs } from '@forebay/ufs/ufs';
import { ByteRate } from './byte-rate.ts';
import { ExpectedVersions } from './expected-versions.ts';
import { FormerOwners } from './former-owners.ts';
import { declareHandOffGauges, declareHandOffMetrics, type HandOffMetrics } from './metrics.ts';
import { Mover } from './mover.ts';
import { offeredAllCall, offeredAllIn, takePagesCall } from './offer.ts';
import { PagePeers, type PeerOf } from './page-peer.ts';
import { PageTaker } from './page-taker.ts';
import { PeersFirst, type PeersFirstDeps } from './peers-first.ts';

export interface HandOffOptions {
  readonly nodeId: string;
  readonly peerOf: PeerOf;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  /** Of what is moved to this node in the background; 0: nothing is, and pages come as they are read. */
  readonly bytesPerSecond: number;
  /** Of nodes that a client's read waits for: until they answer, and between two pieces. */
  readonly answerMs?: number;
  readonly silenceMs?: number;
  /** Before nodes that did not take their pages are offered them again. */
  readonly retryMs?: number;
}

/** How long after a change the owners before it are asked. */
const formerOwnersKeptMs = 10 * 60_000;
const peerReadsMax = 64;
/** For work that nobody waits for. */
const patient = { inFlightMax: 16, answerMs: 5_000, silenceMs: 10_000 };

type Call = (parameters: unknown, context: { readonly signal: AbortSignal }) => Promise<unknown>;

export class HandOff {
  readonly #options: HandOffOptions;
  readonly #former: FormerOwners;
  readonly #peers: PagePeers;
  readonly #rate: ByteRate;
  readonly #metrics: HandOffMetrics;
  readonly #expected = new ExpectedVersions();
  readonly #decorated = new WeakMap<Ufs, PeersFirst>();
  readonly #deps: PeersFirstDeps;
  #mover: Mover | undefined;
  #taker: PageTaker | undefined;
  #membership: Membership | undefined;

  constructor(options: HandOffOptions) {
    const { nodeId, clock, peerOf, bytesPerSecond, answerMs = 500, silenceMs = 2_000 } = options;
    this.#options = options;
    this.#former = new FormerOwners({ nodeId, clock, keptMs: formerOwnersKeptMs });
    this.#peers = new PagePeers({ peerOf, clock, inFlightMax: peerReadsMax, answerMs, silenceMs });
    this.#rate = new ByteRate(bytesPerSecond, clock);
    this.#metrics = declareHandOffMetrics(options.metrics);
    this.#deps = {
      former: this.#former,
      peers: this.#peers,
      expected: this.#expected,
      metrics: this.#metrics,
      took: (bytes) => this.#rate.take(bytes),
    };
    declareHandOffGauges(options.metrics, () => this.progress);
  }

  /** Background work begins: the node's pages are there. */
  start(pages: KeptPages): void {
    const { nodeId, bytesPerSecond, log, peerOf, clock, retryMs = 5_000 } = this.#options;
    const [former, expected] = [this.#former, this.#expected];
    const peers = new PagePeers({ ...patient, peerOf, clock });
    this.#taker = new PageTaker({ former, peers, pages, expected, rate: this.#rate, metrics: this.#metrics });
    this.#mover = new Mover({ nodeId, pages, peers, bytesPerSecond, log, retryMs });
    if (this.#membership) this.#mover.follow(this.#membership);
  }

  /** To be told of each change, in order: a new epoch, and that it has settled. */
  follow(membership: Membership): void {
    this.#membership = membership;
    this.#former.learn(membership.epoch);
    this.#mover?.follow(membership);
  }

  /** A mount's own UFS, behind the nodes that may have what is asked of it. The same for the same. */
  ufsOf(mount: Mount, ufs: Ufs): Ufs {
    let known = this.#decorated.get(ufs);
    if (!known) {
      known = new PeersFirst(ufs, mount, this.#deps);
      this.#decorated.set(ufs, known);
    }
    // Options of a mount change, and its UFS stays: what fills know of it is known by it.
    known.mount = mount;
    return known.ufs;
  }

  /** For the server of the data plane. */
  readonly calls: Readonly<Record<string, Call>> = {
    [takePagesCall]: async (parameters, { signal }) => {
      if (this.#options.bytesPerSecond === 0) return { bytes: 0, isLeft: false };
      if (!this.#taker) throw new ForebayError('node-unavailable', 'the node has only just started');
      return this.#taker.take(parameters, signal);
    },
    [offeredAllCall]: async (parameters) => {
      const { from, epoch } = offeredAllIn(parameters);
      // Who takes nothing that is offered has to ask.
      if (this.#options.bytesPerSecond > 0) this.#former.noteDone(from, epoch);
      return {};
    },
  };

  /** The nodes that it may ask: members, and some that were. */
  get peers(): readonly RingMember[] {
    return this.#former.members;
  }

  get progress(): HandOffProgress {
    const none = { state: 'off', epoch: 0, objects: 0, objectsTotal: 0, bytes: 0, bytesTotal: 0 } as const;
    return this.#mover?.progress ?? none;
  }

  async close(): Promise<void> {
    await this.#mover?.close();
  }
}
