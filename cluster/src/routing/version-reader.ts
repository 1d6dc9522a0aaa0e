/**
 * Bytes of one version, from whoever has them: the owner of their segment, its successor, at last the UFS.
 * Each gives a leg: a body that ends with the segment, or before it.
 */
import { ForebayError, isUfsAnswer } from '@forebay/core/errors';
import { type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import { hasStrongEtag, type ObjectInfo, versionOf } from '@forebay/core/object';
import { segmentKeyOf } from '@forebay/core/ring';
import { DirectBody } from '@forebay/ufs/direct-body';
import { askNode, mayBeElsewhere } from './ask-node.ts';
import type { HotSegments } from './hot-segments.ts';
import { type Leg, type LegRequest, legOf } from './legs.ts';
import type { Peer } from './peer.ts';
import { leave } from './pieces.ts';
import type { Routing } from './routing.ts';

export interface Version {
  readonly object: ObjectRef;
  /** With a strong ETag. */
  readonly info: ObjectInfo;
}

/** The owner of a segment, and those that it may be read from besides: so many copies a load can make. */
const ownersMax = 3;
/** With a node that has gone silent, before the next one is asked. */
const patienceMs = 250;

export class VersionReader {
  readonly #routing: Routing;
  readonly #hot: HotSegments;

  constructor(routing: Routing, hot: HotSegments) {
    this.#routing = routing;
    this.#hot = hot;
  }

  /**
   * @throws ForebayError `version-changed`, `ufs-unavailable`; UfsAnswerError; the signal's reason. Only what
   * comes of the UFS, once nobody else is left.
   */
  async open(version: Version, request: LegRequest): Promise<Leg> {
    const { view, metrics } = this.#routing;
    const { start } = request.range;
    const segmentBytes = view.ring()?.epoch.segmentBytes ?? Number.POSITIVE_INFINITY;
    const segment = Math.floor(start / segmentBytes);
    const endExclusive = Math.min(request.range.endExclusive, (segment + 1) * segmentBytes);
    const leg = { ...request, range: { start, endExclusive } };
    let { isFailover } = request;
    for (const peer of this.#ownersOf(version.object, segment, request.failed)) {
      try {
        const opened = await this.#fromNode(peer, version, leg);
        if (isFailover) metrics.failovers.inc({ where: 'node' });
        return opened;
      } catch (error) {
        request.signal.throwIfAborted();
        if (!mayBeElsewhere(error)) throw error;
        isFailover = true;
      }
    }
    metrics.failovers.inc({ where: 'ufs' });
    return this.#fromUfs(version, leg);
  }

  #ownersOf(object: ObjectRef, segment: number, failed: ReadonlySet<string>): Peer[] {
    const { view, peers } = this.#routing;
    const key = segmentKeyOf(placementKeyOf(object), segment);
    const owners = (view.ring()?.ownersOf(key, ownersMax) ?? [])
      .map((member) => peers.of(member))
      .filter((peer) => !failed.has(peer.nodeId) && peer.isUsable);
    const [first, second, ...others] = owners;
    const isHot = segment > 0 && this.#hot.note(key);
    if (isHot && first && second && second.inFlight < first.inFlight) return [second, first, ...others];
    return owners;
  }

  async #fromNode(peer: Peer, { object, info }: Version, { range, signal }: LegRequest): Promise<Leg> {
    const question = { object, info, range, cachedOnly: false };
    const ask = { peer, op: 'read', metrics: this.#routing.metrics, patienceMs, signal } as const;
    const { body, endExclusive } = await askNode(ask, {
      send: (node, own) => node.read({ ...question, signal: own }),
      unwanted: ({ body: late }) => leave(late),
    });
    if (body && endExclusive === range.endExclusive) return legOf(body, { endExclusive, peer });
    leave(body);
    throw new ForebayError('node-unavailable', 'the cache node gave another range than was asked');
  }

  /** @throws ForebayError `version-changed`: the UFS has another one now */
  async #fromUfs({ object, info }: Version, { range, signal }: LegRequest): Promise<Leg> {
    const { ufsOf, onUfsBytes } = this.#routing;
    const ufs = await ufsOf(object.mount);
    const { versionId, ufsKey } = object;
    const asked = { range: { kind: 'span', ...range }, versionId, ifMatch: info.etag, signal } as const;
    let opened: Awaited<ReturnType<typeof ufs.get>>;
    try {
      opened = await ufs.get(ufsKey, asked);
    } catch (error) {
      if (isUfsAnswer(error) && [404, 412, 416].includes(error.answer.status)) throw changed(error);
      throw error;
    }
    const covers = opened.range.start <= range.start && opened.range.endExclusive >= range.endExclusive;
    if (covers && hasStrongEtag(opened.info) && versionOf(opened.info) === versionOf(info)) {
      const body = new DirectBody(opened, range, onUfsBytes);
      return legOf(body, { endExclusive: range.endExclusive, peer: undefined });
    }
    leave(opened.body);
    throw changed(undefined);
  }
}

function changed(cause: unknown): ForebayError {
  return new ForebayError('version-changed', 'the object changed while it was read', { cause });
}
