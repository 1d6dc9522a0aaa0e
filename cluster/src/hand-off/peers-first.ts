/**
 * A mount's UFS for a node of a cluster: what is read of it comes from the nodes that may have it cached, and
 * the rest from the UFS. Bytes of a version are asked for by exactly this version. Where info is wanted, it
 * is the UFS's and none other: a HEAD brings it where another node, or this one, has the pages of what the
 * object probably still is.
 */
import type { RingMember } from '@forebay/core/membership';
import { type Mount, type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import { hasStrongEtag, type ObjectInfo, versionOf } from '@forebay/core/object';
import { type ByteRange, resolveRange } from '@forebay/core/range';
import type { Ufs, UfsObject, UfsReadOptions } from '@forebay/ufs/ufs';
import { withGet } from '@forebay/ufs/with-get';
import type { ExpectedVersions } from './expected-versions.ts';
import type { FormerOwners } from './former-owners.ts';
import type { HandOffMetrics } from './metrics.ts';
import type { PagePeers } from './page-peer.ts';
import { type FilledPart, PeerFilledBody } from './peer-filled-body.ts';

export interface PeersFirstDeps {
  readonly former: FormerOwners;
  readonly peers: PagePeers;
  readonly expected: ExpectedVersions;
  readonly metrics: HandOffMetrics;
  /** Bytes that a client's read took from a peer. */
  took(bytes: number): void;
}

export class PeersFirst {
  /** In place of the mount's own. */
  readonly ufs: Ufs;
  mount: Mount;
  readonly #store: Ufs;
  readonly #deps: PeersFirstDeps;

  constructor(store: Ufs, mount: Mount, deps: PeersFirstDeps) {
    this.mount = mount;
    this.#store = store;
    this.#deps = deps;
    this.ufs = withGet(store, (key, options) => this.get(key, options));
  }

  async get(key: string, options: UfsReadOptions = {}): Promise<UfsObject> {
    const object = { mount: this.mount, ufsKey: key, versionId: options.versionId };
    const opened = options.headers === undefined && (await this.#fromPeers(object, options));
    return opened || this.#store.get(key, options);
  }

  async #fromPeers(object: ObjectRef, options: UfsReadOptions): Promise<UfsObject | undefined> {
    const { known } = options;
    if (!known) return this.#withHead(object, options);
    const body = this.#bodyOf(object, known, options);
    if (!body) return undefined;
    await body.begin();
    return answerOf(known, body);
  }

  /** Info by a HEAD, and bytes from whoever has them. */
  async #withHead(object: ObjectRef, options: UfsReadOptions): Promise<UfsObject | undefined> {
    const version = await this.#expectedVersion(object, options);
    if (version === undefined) return undefined;
    const { versionId, signal } = options;
    try {
      const info = await this.#store.head(object.ufsKey, { versionId, signal });
      if (versionOf(info) !== version) return undefined;
      // Nothing is asked of anybody before somebody reads: the pages may be here.
      const body = this.#bodyOf(object, info, options);
      return body && answerOf(info, body);
    } catch {
      // A GET's refusal has more words.
      signal?.throwIfAborted();
      return undefined;
    }
  }

  async #expectedVersion(object: ObjectRef, { signal }: UfsReadOptions): Promise<string | undefined> {
    const { expected, former, peers } = this.#deps;
    const version = expected.take(object);
    if (version !== undefined) return version;
    for (const owner of former.of(placementKeyOf(object), 0)) {
      const stat = await peers.stat(owner, { object, want: 'info' });
      signal?.throwIfAborted();
      if (stat?.info && stat.pages.cached > 0) return versionOf(stat.info);
    }
    return undefined;
  }

  /** Undefined where the UFS alone has to be asked. */
  #bodyOf(object: ObjectRef, info: ObjectInfo, options: UfsReadOptions): PeerFilledBody | undefined {
    const { peers, metrics, took } = this.#deps;
    const resolved = resolveRange(options.range, info.sizeBytes);
    if (resolved === 'unsatisfiable' || !hasStrongEtag(info)) return undefined;
    const parts = this.#partsOf(object, resolved.range);
    if (parts.length === 0 || (options.known && parts.every(({ owners }) => owners.length === 0))) {
      return undefined;
    }
    const { versionId, signal } = options;
    return new PeerFilledBody({
      object,
      info,
      parts,
      peers,
      ufs: this.#store,
      options: { versionId, signal },
      told: (result) => metrics.peerReads.inc({ result }),
      took: (bytes) => {
        metrics.peerBytes.inc({ use: 'read' }, bytes);
        took(bytes);
      },
    });
  }

  /** Cut where segments end. */
  #partsOf(object: ObjectRef, range: ByteRange): FilledPart[] {
    const { former } = this.#deps;
    const segmentBytes = former.ring?.epoch.segmentBytes ?? Number.POSITIVE_INFINITY;
    const key = placementKeyOf(object);
    const parts: FilledPart[] = [];
    for (let start = range.start; start < range.endExclusive; ) {
      const segment = Math.floor(start / segmentBytes);
      const endExclusive = Math.min(range.endExclusive, (segment + 1) * segmentBytes);
      const owners: readonly RingMember[] = former.of(key, segment);
      parts.push({ start, endExclusive, owners });
      start = endExclusive;
    }
    return parts;
  }
}

function answerOf(info: ObjectInfo, body: PeerFilledBody): UfsObject {
  return { info, range: body.range, body, origin: () => body.origin };
}
