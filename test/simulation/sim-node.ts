/**
 * A cache node of a simulation: the real info store, fences and home, with pages in a Map and the walk of a
 * read in short.
 */
import type {
  AbsentObject,
  BeginEpoch,
  FenceReceipt,
  OpenedObject,
  OpenedPages,
  OpenRequest,
  ReadRequest,
  WriteOutcome,
} from '@forebay/core/cache-node';
import { ForebayError, isKind, isUfsAnswer } from '@forebay/core/errors';
import { type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import { type ObjectInfo, versionOf } from '@forebay/core/object';
import { absentOf, openedOf } from '@forebay/core/open-answers';
import { planOf } from '@forebay/core/open-plan';
import type { ByteRange } from '@forebay/core/range';
import type { Ufs } from '@forebay/ufs/ufs';
import type { FillContext } from '../../cache-node/src/fill/fill-context.ts';
import { UfsLoads } from '../../cache-node/src/fill/ufs-load.ts';
import { Home } from '../../cache-node/src/home.ts';
import type { InfoStore } from '../../cache-node/src/info-store/info-store.ts';
import type { InfoRecord } from '../../cache-node/src/info-store/record.ts';
import type { NodeLease } from '../../cluster/src/node-lease.ts';
import type { SimProcess } from './sim-network.ts';
import { simSegmentBytes } from './sim-registry.ts';

export interface SimNodeOptions {
  readonly nodeId: string;
  readonly process: SimProcess;
  readonly ufs: Ufs;
  readonly info: InfoStore;
  readonly lease: NodeLease;
}

/** A gateway that is gone for so long is gone for good, and what it wrote counts as unknown. */
const fenceGraceMs = 10_000;
const attemptsMax = 3;

export class SimNode {
  readonly nodeId: string;
  readonly process: SimProcess;
  readonly lease: NodeLease;
  readonly #info: InfoStore;
  readonly #ufs: Ufs;
  readonly #home: Home;
  readonly #pages = new Map<string, Buffer>();
  /** Fences that have ended: what comes late must not open them again. */
  readonly #ended = new Set<string>();

  constructor({ nodeId, process, ufs, info, lease }: SimNodeOptions) {
    this.nodeId = nodeId;
    this.process = process;
    this.lease = lease;
    this.#info = info;
    this.#ufs = ufs;
    // Infos alone are asked for through it: of what fills need it takes nothing but this.
    const fills = { loads: new UfsLoads(1) } as unknown as FillContext;
    this.#home = new Home({ info, clock: process.clock, fills });
  }

  async open(request: OpenRequest): Promise<OpenedObject | AbsentObject> {
    const { object, epoch = 0 } = request;
    const { nodeId } = this;
    const isOld = epoch < this.lease.stamp;
    if (isOld && !this.lease.isHome(placementKeyOf(object))) throw notHome();
    const answered = { cache: 'MISS', ageMs: 0, nodeId } as const;
    for (let attempt = 1; ; attempt += 1) {
      const content = await this.#contentOf(request);
      if (content.kind === 'absent') return absentOf({ ...answered, answer: content.answer });
      const { info } = content;
      const plan = planOf(request, info);
      const { range } = plan;
      if (request.want === 'info' || range === 'unsatisfiable') {
        return openedOf({ ...plan, info, ...answered });
      }
      const bodyEndExclusive = this.#ownedEnd(placementKeyOf(object), range);
      try {
        const body = await this.#bytesOf(object, info, {
          start: range.start,
          endExclusive: bodyEndExclusive,
        });
        return openedOf({ ...plan, info, ...answered, bodyEndExclusive, body });
      } catch (error) {
        this.#info.drop(object);
        if (attempt === attemptsMax) throw error;
      }
    }
  }

  /** Whether it may answer from what it knows, now. */
  mayAnswer(object: ObjectRef): boolean {
    return this.process.isAlive && this.#info.usable(object, 'peek') !== undefined;
  }

  async read({ object, info, range }: ReadRequest): Promise<OpenedPages> {
    const body = await this.#bytesOf(object, info, range);
    return { nodeId: this.nodeId, endExclusive: range.endExclusive, pages: { hit: 0, total: 1 }, body };
  }

  async begin(objects: readonly ObjectRef[], fenceId: string, of: FenceOrigin): Promise<void> {
    if (this.#ended.has(fenceId)) throw notHome();
    this.#info.beginWrite(objects, fenceId, of.epoch);
    of.gateway.onKilled(() => {
      this.process.later(fenceGraceMs, () => {
        if (!this.#ended.has(fenceId)) this.#abandon(objects, fenceId);
      });
    });
  }

  async end(objects: readonly ObjectRef[], fenceId: string, of: FenceEnd): Promise<FenceReceipt> {
    this.#ended.add(fenceId);
    this.#info.endWrite(objects, fenceId, of.outcome, of.epoch);
    return { fenceId, ended: true };
  }

  #abandon(objects: readonly ObjectRef[], fenceId: string): void {
    try {
      this.#info.endWrite(objects, fenceId, 'unknown');
    } catch (error) {
      // Closed it is all the same.
      if (!isKind(error, 'not-home')) throw error;
    }
  }

  /** Looked at and answered in one tick where it is known. */
  async #contentOf({ object, signal }: OpenRequest): Promise<InfoRecord['content']> {
    const known = this.#info.usable(object);
    if (known) return known.record.content;
    const share = await this.#home.read(object, this.#ufs, { method: 'head' }, signal);
    share.release();
    return share.read.content;
  }

  #ownedEnd(placementKey: string, { start, endExclusive }: ByteRange): number {
    for (let at = start; at < endExclusive; ) {
      const segment = Math.floor(at / simSegmentBytes);
      if (!this.lease.owns(placementKey, segment)) return at;
      at = (segment + 1) * simSegmentBytes;
    }
    return endExclusive;
  }

  /** @throws ForebayError `version-changed` */
  async #bytesOf(object: ObjectRef, info: ObjectInfo, range: ByteRange): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let at = range.start; at < range.endExclusive; ) {
      const start = Math.floor(at / simSegmentBytes) * simSegmentBytes;
      const endExclusive = Math.min(info.sizeBytes, start + simSegmentBytes);
      const page = await this.#pageOf(object, info, { start, endExclusive });
      parts.push(page.subarray(at - start, range.endExclusive - start));
      at = endExclusive;
    }
    return Buffer.concat(parts);
  }

  async #pageOf(object: ObjectRef, info: ObjectInfo, range: ByteRange): Promise<Buffer> {
    const name = `${placementKeyOf(object)} ${versionOf(info)} ${range.start}`;
    const kept = this.#pages.get(name);
    if (kept) return kept;
    const asked = { range: { kind: 'span', ...range }, ifMatch: info.etag } as const;
    const opened = await this.#ufs.get(object.ufsKey, asked).catch((error: unknown) => {
      throw isUfsAnswer(error) ? new ForebayError('version-changed', 'it is another one') : error;
    });
    if (versionOf(opened.info) !== versionOf(info)) throw new ForebayError('version-changed', 'another one');
    const parts: Uint8Array[] = [];
    for await (const part of opened.body) parts.push(Buffer.from(part));
    const page = Buffer.concat(parts);
    this.#pages.set(name, page);
    return page;
  }
}

export interface FenceOrigin {
  readonly gateway: SimProcess;
  readonly epoch: BeginEpoch | undefined;
}

export interface FenceEnd {
  readonly epoch: number | undefined;
  readonly outcome: WriteOutcome;
}

function notHome(): ForebayError {
  return new ForebayError('not-home', 'this node is not the home');
}
