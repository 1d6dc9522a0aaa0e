/**
 * A cache node without a cache: it answers from a UFS by the rules of a home and owner, in the epoch that it
 * is told of, and dies, hangs or breaks off as a test wants it to.
 */
import type {
  AbsentObject,
  BeginEpoch,
  FenceReceipt,
  NodeStats,
  OpenedObject,
  OpenedPages,
  OpenedSoon,
  OpenRequest,
  ReadQuestion,
  ReadRequest,
  WriteOutcome,
} from '@forebay/core/cache-node';
import { ForebayError, isAbsence, isUfsAnswer } from '@forebay/core/errors';
import type { Freed, FreeRequest } from '@forebay/core/freeing';
import type { Membership } from '@forebay/core/membership';
import { type Mount, type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import { hasStrongEtag, type ObjectInfo, versionOf } from '@forebay/core/object';
import type { ObjectStat } from '@forebay/core/object-stat';
import { absentOf, openedOf } from '@forebay/core/open-answers';
import { planOf } from '@forebay/core/open-plan';
import type { ByteRange } from '@forebay/core/range';
import { type Ring, ringOf, segmentKeyOf } from '@forebay/core/ring';
import type { Ufs } from '@forebay/ufs/ufs';
import type { RoutableNode } from '../routing/peer.ts';
import { FaultyBody } from './faulty-body.ts';

export type BodyFault = 'break' | 'hang' | 'short' | 'changed' | 'ufs';

export class TestOwner implements RoutableNode {
  readonly nodeId: string;
  readonly opens: OpenRequest[] = [];
  readonly reads: ReadRequest[] = [];
  /** `begin ID key,key`, ... of what counted. */
  readonly writes: string[] = [];
  /** Ends of fences on objects, whether they counted or not. */
  readonly marks: string[] = [];
  /** Fences that stand here. */
  readonly fences = new Set<string>();
  /** `dead`: whatever is asked fails. `hung`: nothing is ever answered. `broken`: a defect of it. */
  state: 'up' | 'dead' | 'hung' | 'broken' = 'up';
  /** Awaited before each answer, while the node lives all the same. */
  slow: () => Promise<void> | undefined = () => undefined;
  /** What becomes of a body at an offset of its object. */
  faultAt: (offset: number) => BodyFault | undefined = () => undefined;
  pieceBytes = 1000;
  bodiesOpen = 0;
  /** It answers from the info that it saw first, until it is told that the version is gone. */
  remembers = false;
  readonly #known = new Map<string, ObjectInfo>();
  #ring: Ring | undefined;
  #isSettled = false;
  readonly #ufs: Ufs;
  #released = Promise.withResolvers<void>();

  constructor(nodeId: string, ufs: Ufs) {
    this.nodeId = nodeId;
    this.#ufs = ufs;
  }

  learn({ epoch, settled }: Membership): void {
    this.#ring = ringOf(epoch);
    this.#isSettled = settled;
  }

  /** What hung goes on. */
  revive(): void {
    this.state = 'up';
    this.#released.resolve();
    this.#released = Promise.withResolvers();
  }

  async ping(): Promise<void> {
    await this.#alive();
  }

  async open(request: OpenRequest): Promise<OpenedObject | AbsentObject> {
    this.opens.push(request);
    await this.#alive();
    await this.slow();
    const key = placementKeyOf(request.object);
    const isOld = (request.epoch ?? 0) < this.#epoch;
    if (isOld && !this.#isHome(key)) throw this.#notHome();
    const answered = { cache: 'HIT', ageMs: 0, nodeId: this.nodeId } as const;
    try {
      const info = await this.#infoOf(request);
      const plan = planOf(request, info);
      const found = { ...plan, info, ...answered, pages: { hit: 1, total: 1 } };
      if (request.want === 'info' || plan.condition !== 'met' || plan.range === 'unsatisfiable') {
        return openedOf(found);
      }
      const bodyEndExclusive = hasStrongEtag(info)
        ? this.#ownedEnd(key, plan.range)
        : plan.range.endExclusive;
      if (info.sizeBytes > 0 && bodyEndExclusive === plan.range.start)
        return openedOf({ ...found, bodyEndExclusive });
      const { start } = plan.range;
      const body = await this.#body(request.object, info, { start, endExclusive: bodyEndExclusive });
      return openedOf({ ...found, bodyEndExclusive, body });
    } catch (error) {
      if (isAbsence(error)) return absentOf({ ...answered, answer: error.answer });
      throw error;
    }
  }

  openSoon(request: OpenRequest, done: OpenedSoon): (() => void) | undefined {
    let isLeft = false;
    const tell: OpenedSoon = (opened, error) => {
      if (!isLeft) done(opened, error);
    };
    this.open(request).then(tell, (error: unknown) => tell(undefined, error));
    return () => {
      isLeft = true;
    };
  }

  async read(request: ReadRequest): Promise<OpenedPages> {
    this.reads.push(request);
    await this.#alive();
    await this.slow();
    const { object, info, range } = request;
    const now = await this.#ufs.head(object.ufsKey);
    if (versionOf(now) !== versionOf(info)) throw new ForebayError('version-changed', 'it is another one');
    const body = await this.#body(object, info, range);
    return { nodeId: this.nodeId, endExclusive: range.endExclusive, pages: { hit: 1, total: 1 }, body };
  }

  async beginWrite(objects: readonly ObjectRef[], fenceId: string, epoch?: BeginEpoch): Promise<void> {
    if (epoch === 'carried') await this.#alive();
    else await this.#counts(objects, epoch);
    this.fences.add(fenceId);
    this.writes.push(`${epoch === 'carried' ? 'carry' : 'begin'} ${fenceId} ${keysOf(objects)}`);
  }

  async endWrite(
    objects: readonly ObjectRef[],
    fenceId: string,
    outcome: WriteOutcome,
    epoch?: number,
  ): Promise<FenceReceipt> {
    await this.#alive();
    this.fences.delete(fenceId);
    this.marks.push(`end ${fenceId} ${outcome}`);
    await this.#counts(objects, epoch);
    this.writes.push(`end ${fenceId} ${keysOf(objects)} ${outcome}`);
    return { fenceId, ended: true };
  }

  async beginBucketWrite({ bucket }: Mount, fenceId: string, epoch?: BeginEpoch): Promise<void> {
    if (epoch === 'carried') await this.#alive();
    else await this.#counts([], epoch);
    this.fences.add(fenceId);
    this.writes.push(`begin ${fenceId} /${bucket}`);
  }

  async endBucketWrite(
    { bucket }: Mount,
    fenceId: string,
    outcome: WriteOutcome,
    epoch?: number,
  ): Promise<FenceReceipt> {
    await this.#alive();
    this.fences.delete(fenceId);
    await this.#counts([], epoch);
    this.writes.push(`end ${fenceId} /${bucket} ${outcome}`);
    return { fenceId, ended: true };
  }

  async stat({ object }: ReadQuestion): Promise<ObjectStat> {
    await this.#alive();
    return { nodeId: this.nodeId, absent: object.ufsKey === '' } as ObjectStat;
  }

  async free({ onProgress }: FreeRequest): Promise<Freed> {
    await this.#alive();
    const freed = { pages: 1, bytes: 10, pinnedPages: 0, pinnedBytes: 0 };
    onProgress(freed);
    return { ...freed, pages: 2 };
  }

  async stats(): Promise<NodeStats> {
    await this.#alive();
    return { nodeId: this.nodeId, directories: [], pages: 5, fencesOpen: 1 } as unknown as NodeStats;
  }

  async #infoOf({ object, goneVersion }: OpenRequest): Promise<ObjectInfo> {
    const known = this.#known.get(object.ufsKey);
    if (this.remembers && known && versionOf(known) !== goneVersion) return known;
    const info = await this.#ufs.head(object.ufsKey);
    this.#known.set(object.ufsKey, info);
    return info;
  }

  get #epoch(): number {
    return this.#ring?.epoch.number ?? 0;
  }

  #isHome(placementKey: string): boolean {
    return this.#ring?.homeOf(placementKey)?.nodeId === this.nodeId;
  }

  #notHome(): ForebayError {
    return new ForebayError('not-home', `${this.nodeId} is not the home in epoch ${this.#epoch}`);
  }

  /** How far the first segments are its own. */
  #ownedEnd(placementKey: string, { start, endExclusive }: ByteRange): number {
    const segmentBytes = this.#ring?.epoch.segmentBytes ?? Number.POSITIVE_INFINITY;
    for (let at = start; at < endExclusive; ) {
      const segment = Math.floor(at / segmentBytes);
      if (!this.#isHome(segmentKeyOf(placementKey, segment))) return at;
      at = (segment + 1) * segmentBytes;
    }
    return endExclusive;
  }

  async #counts(objects: readonly ObjectRef[], epoch: number | undefined): Promise<void> {
    await this.#alive();
    await this.slow();
    const isHome = objects.every((object) => this.#isHome(placementKeyOf(object)));
    if (epoch !== this.#epoch || !this.#isSettled || !isHome) throw this.#notHome();
  }

  async #alive(): Promise<void> {
    while (this.state === 'hung') await this.#released.promise;
    if (this.state === 'dead') throw new ForebayError('node-unavailable', `${this.nodeId} is dead`);
    if (this.state === 'broken') throw new Error(`a defect of ${this.nodeId}`);
  }

  async #body({ ufsKey }: ObjectRef, info: ObjectInfo, range: ByteRange): Promise<OpenedObject['body']> {
    if (range.start === range.endExclusive) return new Uint8Array(0);
    const asked = {
      range: { kind: 'span', ...range },
      ifMatch: hasStrongEtag(info) ? info.etag : undefined,
    } as const;
    const { body } = await this.#ufs.get(ufsKey, asked).catch((error: unknown) => {
      throw isUfsAnswer(error) ? new ForebayError('version-changed', 'it is another one') : error;
    });
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(Buffer.from(piece));
    this.bodiesOpen += 1;
    return new FaultyBody(Buffer.concat(pieces), {
      start: range.start,
      pieceBytes: this.pieceBytes,
      faultAt: (offset) => (this.state === 'up' ? this.faultAt(offset) : stateFault[this.state]),
      onClose: () => {
        this.bodiesOpen -= 1;
      },
    });
  }
}

const stateFault = { dead: 'break', hung: 'hang', broken: 'break' } as const;

function keysOf(objects: readonly ObjectRef[]): string {
  return objects
    .map(({ ufsKey }) => ufsKey)
    .sort()
    .join();
}
