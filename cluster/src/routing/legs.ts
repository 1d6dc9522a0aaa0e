/**
 * The parts of a body, one after the other, each from one place. Where one breaks off or its node hangs, the
 * next one goes on at the exact offset, with the same version.
 */
import { ForebayError, isKind, isUfsAnswer } from '@forebay/core/errors';
import { isRelayed, isSliced, type RelayedBody, type SlicedBody } from '@forebay/core/pieces';
import type { ByteRange } from '@forebay/core/range';
import { HungError, noteFailure, stallMsMax } from './ask-node.ts';
import type { Waiter } from './liveness.ts';
import type { Peer } from './peer.ts';
import { leavePieces, piecesOf } from './pieces.ts';

/** Part of a body. */
export interface Leg {
  readonly pieces: AsyncIterator<Uint8Array>;
  /** The same, where it can be passed on from socket to socket, or lends parts of files. */
  readonly relayed: RelayedBody | undefined;
  readonly sliced: SlicedBody | undefined;
  readonly endExclusive: number;
  /** Undefined: the UFS. */
  readonly peer: Peer | undefined;
}

export function legOf(
  body: Uint8Array | AsyncIterable<Uint8Array>,
  from: Pick<Leg, 'endExclusive' | 'peer'>,
): Leg {
  const stream = body instanceof Uint8Array ? undefined : body;
  return {
    ...from,
    pieces: piecesOf(body),
    relayed: stream && isRelayed(stream) ? stream : undefined,
    sliced: stream && isSliced(stream) ? stream : undefined,
  };
}

export interface LegRequest {
  /** Not empty: the leg begins at its start, and may end before its end. */
  readonly range: ByteRange;
  /** Nodes that are not asked any more. */
  readonly failed: ReadonlySet<string>;
  /** Another leg broke off here. */
  readonly isFailover: boolean;
  readonly signal: AbortSignal;
}

export interface LegsOptions {
  /** @throws what ends the body */
  readonly open: (request: LegRequest) => Promise<Leg>;
  readonly range: ByteRange;
  /** Told where the version that is read turns out to be gone. */
  readonly onChanged: () => void;
  readonly first: Leg;
  /** The client has left. */
  readonly signal: AbortSignal;
}

/** The next place is asked when so much is left of the last. */
const aheadBytes = 16 * 1024 * 1024;
/** One after the other, without a leg that came to its end. */
const failoversMax = 6;

export class Legs implements Waiter {
  /** With a node that has gone silent. */
  readonly patienceMs = 1000;
  readonly stallMs = stallMsMax;
  isPending = false;
  readonly #options: LegsOptions;
  readonly #left = new AbortController();
  readonly #failed = new Set<string>();
  #leg: Leg | undefined;
  #ahead: { readonly start: number; readonly leg: Promise<Leg> } | undefined;
  #offset: number;
  #failovers = 0;
  #giveUp: (reason: unknown) => void = () => {};

  constructor(options: LegsOptions) {
    this.#options = options;
    this.#offset = options.range.start;
    options.signal.addEventListener('abort', this.#abort, { once: true });
    this.#enter(options.first);
  }

  get current(): Leg | undefined {
    return this.#leg;
  }

  get progress(): number {
    return this.#offset;
  }

  /** The current leg, opened where there is none; undefined: that was all. @throws what ends the body */
  async ready(): Promise<Leg | undefined> {
    if (this.#leg) return this.#leg;
    if (this.#left.signal.aborted || this.#offset === this.#options.range.endExclusive) {
      this.close();
      return undefined;
    }
    const ahead = this.#ahead;
    if (ahead?.start === this.#offset) this.#ahead = undefined;
    const opening = ahead?.start === this.#offset ? ahead.leg : this.#open(this.#offset, ahead?.start);
    let leg: Leg;
    try {
      leg = await opening;
    } catch (error) {
      throw this.#cut(error);
    }
    if (!this.#left.signal.aborted) return this.#enter(leg);
    leavePieces(leg.pieces);
    return undefined;
  }

  /** Waits for something of the current leg, for as long as its node lives and the client is there. */
  async wait<T>(asked: Promise<T>): Promise<T> {
    this.isPending = true;
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#giveUp = reject;
        asked.then(resolve, reject);
      });
    } finally {
      this.isPending = false;
    }
  }

  /** So many bytes are the reader's. @throws Error where the leg gave more than it has */
  took(lengthBytes: number): void {
    const { endExclusive } = this.#leg!;
    this.#offset += lengthBytes;
    if (this.#offset > endExclusive) throw new Error('part of a body is longer than its range');
    const isNear = endExclusive - this.#offset < aheadBytes;
    if (isNear && !this.#ahead && endExclusive < this.#options.range.endExclusive) {
      const leg = this.#open(endExclusive);
      leg.catch(() => {});
      this.#ahead = { start: endExclusive, leg };
    }
  }

  gaveBack(lengthBytes: number): void {
    this.#offset -= lengthBytes;
  }

  /** The current leg has no more. @throws what ends the body */
  ended(): void {
    this.broke(new ForebayError('node-unavailable', 'the cache node broke off'));
  }

  /** The current leg failed: another one goes on. @throws what ends the body */
  broke(error: unknown): void {
    const leg = this.#exit();
    if (!leg || this.#left.signal.aborted) throw error;
    if (this.#offset === leg.endExclusive) {
      this.#failovers = 0;
      return;
    }
    this.#failovers += 1;
    const isFinal = isKind(error, 'version-changed') || isUfsAnswer(error);
    if (isFinal || this.#failovers > failoversMax) throw this.#cut(error);
    if (!leg.peer) return;
    this.#failed.add(leg.peer.nodeId);
    if (!(error instanceof HungError)) noteFailure(leg.peer, error);
  }

  /** Nobody reads on. */
  close(): void {
    if (this.#left.signal.aborted) return;
    this.#options.signal.removeEventListener('abort', this.#abort);
    this.#left.abort();
    this.#exit();
    const ahead = this.#ahead;
    this.#ahead = undefined;
    ahead?.leg.then(
      ({ pieces }) => leavePieces(pieces),
      () => {},
    );
  }

  /** Its node is silent for too long. */
  onSilent(): void {
    this.#giveUp(new HungError());
  }

  /** It ends here. @returns the error */
  #cut(error: unknown): unknown {
    this.close();
    if (isKind(error, 'version-changed')) this.#options.onChanged();
    return error;
  }

  readonly #abort = (): void => {
    const { reason } = this.#options.signal;
    this.close();
    this.#giveUp(reason);
  };

  #open(start: number, before = Number.POSITIVE_INFINITY): Promise<Leg> {
    const { open, range } = this.#options;
    const endExclusive = Math.min(range.endExclusive, before);
    return open({
      range: { start, endExclusive },
      failed: this.#failed,
      isFailover: this.#failovers > 0,
      signal: this.#left.signal,
    });
  }

  #enter(leg: Leg): Leg {
    this.#leg = leg;
    if (leg.peer) {
      leg.peer.inFlight += 1;
      leg.peer.liveness.add(this);
    }
    return leg;
  }

  #exit(): Leg | undefined {
    const leg = this.#leg;
    this.#leg = undefined;
    if (!leg) return undefined;
    if (leg.peer) {
      leg.peer.inFlight -= 1;
      leg.peer.liveness.remove(this);
    }
    leavePieces(leg.pieces);
    return leg;
  }
}
