/** A whole cluster in one process: owners over one memory UFS, a gateway's view of them, virtual time. */
import type { AbsentObject, OpenedObject, OpenRequest } from '@forebay/core/cache-node';
import type { Epoch, Membership, RingMember } from '@forebay/core/membership';
import { Metrics } from '@forebay/core/metrics';
import { type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import { ringAlgorithm, ringOf, segmentKeyOf } from '@forebay/core/ring';
import { type FaultyUfs, faultyUfs } from '@forebay/ufs/faulty';
import { memoryUfs } from '@forebay/ufs/memory';
import type { Ufs } from '@forebay/ufs/ufs';
import { RoutedCacheNode, type RoutedCacheNodeOptions } from '../routed-cache-node.ts';
import { TestOwner } from './test-owner.ts';
import { VirtualTime } from './virtual-time.ts';

export const lake = parseMount('/lake=s3://store?endpoint=http://127.0.0.1:1', {
  pageSizeBytes: 1024,
  createdAtMs: 0,
});

export const objectAt = (ufsKey: string): ObjectRef => ({ mount: lake, ufsKey });

const never = new AbortController().signal;

export class TestCluster {
  readonly time = new VirtualTime();
  readonly store: Ufs = memoryUfs();
  /** The store as the gateway reaches it. */
  readonly ufs: FaultyUfs = faultyUfs(this.store);
  readonly owners = new Map<string, TestOwner>();
  readonly metrics = new Metrics();
  readonly node: RoutedCacheNode;
  /** What the registry says; `gatewayView` is what the gateway has heard of it. */
  membership: Membership;
  gatewayView: Membership | undefined;
  refreshes = 0;
  ufsBytes = 0;
  /** Awaited by a refresh. */
  registryAnswers: () => Promise<void> | undefined = () => undefined;
  readonly #segmentBytes: number;

  /** @param own in place of what is here: such as real time, and nodes on the other side of a wire */
  constructor(nodeIds: readonly string[], segmentBytes = 4096, own: Partial<RoutedCacheNodeOptions> = {}) {
    this.#segmentBytes = segmentBytes;
    this.membership = this.#form(nodeIds, 1);
    this.gatewayView = this.membership;
    const { clock, sleep } = this.time;
    this.node = new RoutedCacheNode({
      ...{ nodeId: 'gateway', clock, sleep, random: () => 0.5, metrics: this.metrics },
      source: {
        membership: () => this.gatewayView,
        refresh: async () => {
          this.refreshes += 1;
          await this.registryAnswers();
          this.gatewayView = this.membership;
        },
        watch: () => () => {},
      },
      nodeOf: ({ nodeId }: RingMember) => this.owner(nodeId),
      renewWriter: async () => true,
      ufsOf: () => this.ufs,
      onUfsBytes: (count) => {
        this.ufsBytes += count;
      },
      ...own,
    });
  }

  owner(nodeId: string): TestOwner {
    const known = this.owners.get(nodeId);
    if (known) return known;
    const made = new TestOwner(nodeId, this.store);
    this.owners.set(nodeId, made);
    return made;
  }

  /** The owners of an object's segment, the first one first. */
  ownersOf(key: string, segment = 0): TestOwner[] {
    const segmentKey = segmentKeyOf(placementKeyOf(objectAt(key)), segment);
    return ringOf(this.membership.epoch)
      .ownersOf(segmentKey, 10)
      .map(({ nodeId }) => this.owner(nodeId));
  }

  /** A new epoch, of which the nodes hear at once and the gateway when it asks. */
  form(nodeIds: readonly string[], { settled = true } = {}): void {
    this.membership = this.#form(nodeIds, this.membership.epoch.number + 1, settled);
  }

  settle(): void {
    this.membership = { ...this.membership, settled: true };
    this.#tell(this.membership);
  }

  async put(key: string, content: Buffer): Promise<void> {
    async function* body() {
      yield content;
    }
    await this.store.put(key, { sizeBytes: content.length, body: body(), headers: [] });
  }

  open(key: string, asked: Partial<OpenRequest> = {}): Promise<OpenedObject | AbsentObject> {
    const request = { object: objectAt(key), want: 'bytes', signal: never, ...asked } as const;
    return this.time.until(this.node.open(request));
  }

  /** All bytes of a read, each piece copied while it is lent. */
  async read(key: string, asked: Partial<OpenRequest> = {}): Promise<Buffer> {
    const opened = await this.open(key, asked);
    if (opened.kind === 'absent') throw new Error(`absent: ${opened.answer.code}`);
    return this.time.until(bytesOf(opened.body));
  }

  async countOf(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
    const samples = await this.metrics.samples(name);
    return samples
      .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }

  get bodiesOpen(): number {
    return [...this.owners.values()].reduce((sum, { bodiesOpen }) => sum + bodiesOpen, 0);
  }

  #form(nodeIds: readonly string[], number: number, settled = true): Membership {
    const members = nodeIds.map((nodeId): RingMember => {
      return { nodeId, address: `${nodeId}:1`, weight: 1, incarnation: nodeId, state: 'active' };
    });
    const epoch: Epoch = {
      number,
      registry: 'r',
      ring: ringAlgorithm,
      segmentBytes: this.#segmentBytes,
      members,
    };
    const membership = { epoch, settled };
    this.#tell(membership);
    return membership;
  }

  #tell(membership: Membership): void {
    for (const { nodeId } of membership.epoch.members) this.owner(nodeId);
    for (const owner of this.owners.values()) owner.learn(membership);
  }
}

export async function bytesOf(body: OpenedObject['body']): Promise<Buffer> {
  if (!body || body instanceof Uint8Array) return Buffer.from(body ?? []);
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}
