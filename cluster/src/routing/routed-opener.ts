/**
 * Opens at the home, and makes one body of what several nodes have: the home's part, then each further
 * segment at its owner.
 */
import type { OpenedSoon, OpenRequest } from '@forebay/core/cache-node';
import { hasStrongEtag } from '@forebay/core/object';
import { legOf } from './legs.ts';
import { type Opened, OpenRace } from './open-race.ts';
import type { Peer } from './peer.ts';
import { routedBody } from './routed-body.ts';
import type { Routing } from './routing.ts';
import type { VersionReader } from './version-reader.ts';

export class RoutedOpener {
  readonly #routing: Routing;
  readonly #reader: VersionReader;

  constructor(routing: Routing, reader: VersionReader) {
    this.#routing = routing;
    this.#reader = reader;
  }

  /** As `CacheNode.open`; a node that cannot be reached is no reason to throw. */
  open(request: OpenRequest): Promise<Opened> {
    const { signal } = request;
    return new Promise((resolve, reject) => {
      const race = this.#raceOf(request, (opened, error) => {
        signal.removeEventListener('abort', left);
        if (opened) resolve(opened);
        else reject(error);
      });
      const left = () => {
        race.leave();
        reject(signal.reason);
      };
      if (signal.aborted) left();
      else {
        signal.addEventListener('abort', left, { once: true });
        race.begin();
      }
    });
  }

  openSoon(request: OpenRequest, done: OpenedSoon): (() => void) | undefined {
    const race = this.#raceOf(request, done);
    return race.beginSoon() ? () => race.leave() : undefined;
  }

  #raceOf(request: OpenRequest, done: OpenedSoon): OpenRace {
    return new OpenRace({
      routing: this.#routing,
      request,
      done: (opened, error, peer) => {
        if (opened) done(this.#wholeOf(request, opened, peer));
        else done(undefined, error);
      },
    });
  }

  /**
   * The same with all bytes of its range. What is at hand is handed on as it is, and so is what nobody could
   * go on with: bytes without a strong ETag.
   */
  #wholeOf(request: OpenRequest, opened: Opened, peer: Peer | undefined): Opened {
    if (opened.kind === 'absent' || opened.range === 'unsatisfiable') return opened;
    const { body, bodyEndExclusive, ...answer } = opened;
    const { info, range } = opened;
    const endExclusive = bodyEndExclusive ?? range.endExclusive;
    const isAllHere = endExclusive === range.endExclusive;
    if (isAllHere && (!body || body instanceof Uint8Array)) return opened;
    if (!hasStrongEtag(info)) return opened;
    const { object, signal } = request;
    const isSome = body !== undefined && endExclusive > range.start;
    return {
      ...answer,
      body: routedBody({
        open: (leg) => this.#reader.open({ object, info }, leg),
        range,
        first: isSome ? legOf(body, { endExclusive, peer }) : undefined,
        signal,
      }),
    };
  }
}
