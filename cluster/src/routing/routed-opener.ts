/**
 * Opens at the home, and makes one body of what several nodes have: the home's part, then each further
 * segment at its owner. Where the first byte lies with another node, that one is asked before there is an
 * answer: it may know that the home's version is gone, and then the read starts over.
 */
import type { OpenedObject, OpenedSoon, OpenRequest } from '@forebay/core/cache-node';
import { isKind } from '@forebay/core/errors';
import { hasStrongEtag, versionOf } from '@forebay/core/object';
import { isHere } from '@forebay/core/pieces';
import type { ByteRange } from '@forebay/core/range';
import { inSpan, spanNow } from '@forebay/core/tracing';
import { type Leg, legOf } from './legs.ts';
import { type Opened, OpenRace } from './open-race.ts';
import type { Peer } from './peer.ts';
import { leavePieces } from './pieces.ts';
import { routedBody } from './routed-body.ts';
import { RoutedRequest } from './routed-request.ts';
import type { Routing } from './routing.ts';
import type { Version, VersionReader } from './version-reader.ts';

/** How often a read starts over because its version is gone, before it goes past all nodes. */
const startsOverMax = 2;
const never = new AbortController().signal;
const none: ReadonlySet<string> = new Set();

interface Parts {
  readonly routing: Routing;
  readonly reader: VersionReader;
}

export class RoutedOpener {
  readonly #parts: Parts;

  constructor(routing: Routing, reader: VersionReader) {
    this.#parts = { routing, reader };
  }

  /** As `CacheNode.open`; a node that cannot be reached is no reason to throw. */
  open(request: OpenRequest): Promise<Opened> {
    const { signal } = request;
    return new Promise((resolve, reject) => {
      const opening = new Opening(this.#parts, request, (opened, error) => {
        signal.removeEventListener('abort', left);
        if (opened) resolve(opened);
        else reject(error);
      });
      const left = () => {
        opening.leave();
        reject(signal.reason);
      };
      if (signal.aborted) left();
      else {
        signal.addEventListener('abort', left, { once: true });
        opening.begin();
      }
    });
  }

  openSoon(request: OpenRequest, done: OpenedSoon): (() => void) | undefined {
    const opening = new Opening(this.#parts, request, done);
    return opening.beginSoon() ? () => opening.leave() : undefined;
  }
}

class Opening {
  readonly #parts: Parts;
  readonly #done: OpenedSoon;
  readonly #span = spanNow();
  #request: OpenRequest;
  #race: OpenRace;
  /** Of what is asked after the race. */
  #left: AbortController | undefined;
  #startsOver = 0;

  constructor(parts: Parts, request: OpenRequest, done: OpenedSoon) {
    this.#parts = parts;
    this.#request = request;
    this.#done = done;
    this.#race = this.#newRace();
  }

  begin(): void {
    this.#race.begin();
  }

  /** Without a promise. False: nothing was asked. */
  beginSoon(): boolean {
    return this.#race.beginSoon();
  }

  /** Nobody is told of anything any more. */
  leave(): void {
    this.#race.leave();
    this.#left?.abort();
  }

  #newRace(): OpenRace {
    const { routing } = this.#parts;
    return new OpenRace({ routing, request: this.#request, done: this.#onOpened });
  }

  readonly #onOpened = (opened: Opened | undefined, error: unknown, peer: Peer | undefined): void => {
    if (this.#span) inSpan(this.#span, () => this.#take(opened, error, peer));
    else this.#take(opened, error, peer);
  };

  #take(opened: Opened | undefined, error: unknown, peer: Peer | undefined): void {
    if (!opened || opened.kind === 'absent' || opened.range === 'unsatisfiable') this.#done(opened, error);
    else this.#complete(opened, opened.range, peer);
  }

  /**
   * The same with all bytes of its range. What is at hand is handed on as it is, and so is what nobody could
   * go on with: bytes without a strong ETag.
   */
  #complete(opened: OpenedObject, range: ByteRange, peer: Peer | undefined): void {
    const { body, info } = opened;
    const endExclusive = opened.bodyEndExclusive ?? range.endExclusive;
    const isAllHere = endExclusive === range.endExclusive;
    const isAtHand = isAllHere && (!body || body instanceof Uint8Array || isHere(body));
    if (isAtHand || !hasStrongEtag(info)) this.#done(opened);
    else if (body && endExclusive > range.start) {
      this.#answer(opened, range, legOf(body, { endExclusive, peer }));
    } else void this.#openFirst(opened, range);
  }

  #answer({ bodyEndExclusive: _, ...opened }: OpenedObject, range: ByteRange, first: Leg): void {
    const version = { object: this.#request.object, info: opened.info };
    const { routing, reader } = this.#parts;
    const body = routedBody({
      open: (leg) => reader.open(version, leg),
      onChanged: () => tellHome(routing, version),
      ...{ range, first, signal: this.#request.signal },
    });
    this.#done({ ...opened, body });
  }

  async #openFirst(opened: OpenedObject, range: ByteRange): Promise<void> {
    const { object, signal: client } = this.#request;
    const left = new AbortController();
    this.#left = left;
    const signal = AbortSignal.any([client, left.signal]);
    try {
      const asked = { range, failed: none, isFailover: false, signal };
      const first = await this.#parts.reader.open({ object, info: opened.info }, asked);
      if (left.signal.aborted) leavePieces(first.pieces);
      else this.#answer(opened, range, first);
    } catch (error) {
      if (left.signal.aborted) return;
      if (isKind(error, 'version-changed')) this.#startOver(versionOf(opened.info), signal);
      else this.#done(undefined, error);
    }
  }

  #startOver(goneVersion: string, signal: AbortSignal): void {
    this.#request = new RoutedRequest(this.#request, { goneVersion });
    this.#startsOver += 1;
    if (this.#startsOver > startsOverMax) {
      this.#parts.routing.openDirect(new RoutedRequest(this.#request, { signal })).then(
        (opened) => this.#done(opened),
        (error: unknown) => this.#done(undefined, error),
      );
      return;
    }
    this.#race = this.#newRace();
    this.#race.begin();
  }
}

/** The version is gone, which the home learns by being asked for another one. */
function tellHome(routing: Routing, { object, info }: Version): void {
  const asked = { object, want: 'info', goneVersion: versionOf(info), signal: never } as const;
  new OpenRace({ routing, request: asked, done: () => {} }).begin();
}
