/**
 * One open: asked at the home; where that is silent or gives no answer at its successors as well, at last
 * past every cache node. The first answer counts, and whatever else is under way is left.
 */
import type { AbsentObject, OpenedObject, OpenRequest } from '@forebay/core/cache-node';
import { isKind } from '@forebay/core/errors';
import { placementKeyOf } from '@forebay/core/mount';
import type { Ring } from '@forebay/core/ring';
import { inSpan, spanNow } from '@forebay/core/tracing';
import { isNoAnswer, noteFailure, resultOf, stallMsMax } from './ask-node.ts';
import type { Waiter } from './liveness.ts';
import type { Peer } from './peer.ts';
import { leave } from './pieces.ts';
import { RoutedRequest } from './routed-request.ts';
import type { Routing } from './routing.ts';

export type Opened = OpenedObject | AbsentObject;

/** The home, and those that may answer in its place. */
const ownersMax = 3;
/** How often one open learns of a newer ring. */
const ringsMax = 4;
/** With a node that has gone silent. */
const patienceMs = 50;

export interface OpenRaceOptions {
  readonly routing: Routing;
  readonly request: OpenRequest;
  /** @param peer who answered; undefined: the UFS did */
  readonly done: (opened: Opened | undefined, error: unknown, peer: Peer | undefined) => void;
}

/** A question that is under way. */
class Racer implements Waiter {
  readonly isPending = true;
  readonly progress = 0;
  readonly patienceMs = patienceMs;
  readonly stallMs = stallMsMax;
  /** Undefined: the UFS is asked. */
  readonly peer: Peer | undefined;
  readonly onSilent: () => void;
  leave: () => void = () => {};

  constructor(peer: Peer | undefined, onSilent: () => void) {
    this.peer = peer;
    this.onSilent = onSilent;
  }
}

export class OpenRace {
  readonly #options: OpenRaceOptions;
  readonly #racers = new Set<Racer>();
  readonly #tried = new Set<string>();
  readonly #span = spanNow();
  #rings = 0;
  #isDirect = false;
  #isOver = false;

  constructor(options: OpenRaceOptions) {
    this.#options = options;
  }

  /** Begins with the home without a promise. False: it cannot be asked so, and nothing was asked. */
  beginSoon(): boolean {
    const { routing, request } = this.#options;
    const ring = routing.view.ring();
    const home = ring?.homeOf(placementKeyOf(request.object));
    const peer = home && routing.peers.of(home);
    const node = peer?.isUsable ? peer.node : undefined;
    if (!ring || !peer || !node?.openSoon) return false;
    const racer = new Racer(peer, this.#askNext);
    const asked = new RoutedRequest(request, { epoch: ring.epoch.number });
    const left = node.openSoon(asked, (opened, error) => {
      if (opened) this.#answered(racer, opened);
      else this.#failed(racer, ring, error);
    });
    if (!left) return false;
    racer.leave = left;
    this.#enter(racer);
    return true;
  }

  begin(): void {
    this.#askNext();
  }

  /** The client has left: nobody is told of anything any more. */
  leave(): void {
    this.#isOver = true;
    for (const racer of this.#racers) {
      this.#exit(racer);
      racer.leave();
    }
  }

  readonly #askNext = (): void => {
    if (!this.#isOver) inSpan(this.#span, () => this.#askOne());
  };

  #askOne(): void {
    const { routing, request } = this.#options;
    const { failovers } = routing.metrics;
    const ring = routing.view.ring();
    const owners = ring?.ownersOf(placementKeyOf(request.object), ownersMax) ?? [];
    for (const [index, member] of owners.entries()) {
      const peer = routing.peers.of(member);
      if (this.#tried.has(peer.nodeId) || !peer.isUsable) continue;
      if (index > 0) failovers.inc({ where: 'node' });
      this.#ask(peer, ring!);
      return;
    }
    if (this.#isDirect) return;
    if (ring) failovers.inc({ where: 'ufs' });
    this.#askUfs();
  }

  #ask(peer: Peer, ring: Ring): void {
    const { request } = this.#options;
    const racer = new Racer(peer, this.#askNext);
    this.#enter(racer);
    const asked = new RoutedRequest(request, {
      epoch: ring.epoch.number,
      signal: signalOf(racer, request),
    });
    peer
      .connected()
      .then((node) => node.open(asked))
      .then(
        (opened) => this.#answered(racer, opened),
        (error: unknown) => this.#failed(racer, ring, error),
      );
  }

  #askUfs(): void {
    const { routing, request } = this.#options;
    this.#isDirect = true;
    const racer = new Racer(undefined, this.#askNext);
    this.#enter(racer);
    routing.openDirect(new RoutedRequest(request, { signal: signalOf(racer, request) })).then(
      (opened) => this.#answered(racer, opened),
      (error: unknown) => this.#failed(racer, undefined, error),
    );
  }

  #answered(racer: Racer, opened: Opened): void {
    if (!this.#exit(racer)) {
      if (opened.kind === 'object') leave(opened.body);
      return;
    }
    if (racer.peer) {
      racer.peer.answered();
      this.#options.routing.metrics.opened();
    }
    this.#finish(opened, undefined, racer.peer);
  }

  #failed(racer: Racer, ring: Ring | undefined, error: unknown): void {
    const { routing, request } = this.#options;
    const { peer } = racer;
    if (!this.#exit(racer)) return;
    if (!peer || !ring) {
      this.#finish(undefined, error, undefined);
      return;
    }
    routing.metrics.requests.inc({ op: 'open', result: resultOf(error) });
    noteFailure(peer, error);
    if (isKind(error, 'not-home')) void this.#learn(peer, ring);
    else if (isNoAnswer(error) && !request.signal.aborted) {
      routing.view.refreshSoon();
      this.#askNext();
    } else this.#finish(undefined, error, peer);
  }

  /** The ring has changed: the node may be the home again by the new one, and is asked again then. */
  async #learn({ nodeId }: Peer, { epoch }: Ring): Promise<void> {
    const { view } = this.#options.routing;
    this.#rings += 1;
    if (this.#rings <= ringsMax) await view.refresh();
    if (this.#rings <= ringsMax && view.ring()?.epoch !== epoch) this.#tried.delete(nodeId);
    this.#askNext();
  }

  #enter(racer: Racer): void {
    const { peer } = racer;
    this.#racers.add(racer);
    if (!peer) return;
    this.#tried.add(peer.nodeId);
    peer.inFlight += 1;
    peer.liveness.add(racer);
  }

  /** False: it was left. */
  #exit(racer: Racer): boolean {
    const { peer } = racer;
    if (!this.#racers.delete(racer)) return false;
    if (peer) {
      peer.inFlight -= 1;
      peer.liveness.remove(racer);
    }
    return true;
  }

  #finish(opened: Opened | undefined, error: unknown, peer: Peer | undefined): void {
    for (const racer of this.#racers) {
      if (racer.peer) this.#options.routing.metrics.requests.inc({ op: 'open', result: 'hedged' });
    }
    this.leave();
    this.#options.done(opened, error, peer);
  }
}

/** Aborts where the client leaves, and where the racer is left. */
function signalOf(racer: Racer, { signal }: OpenRequest): AbortSignal {
  const own = new AbortController();
  racer.leave = () => own.abort();
  return AbortSignal.any([signal, own.signal]);
}
