/** A cache node, with a span for each open and each fence of a request that is traced. */
import type {
  AbsentObject,
  CacheNode,
  FenceReceipt,
  OpenedObject,
  OpenedSoon,
  OpenRequest,
  WriteOutcome,
} from '@forebay/core/cache-node';
import type { FreeRequest } from '@forebay/core/freeing';
import type { Mount, ObjectRef } from '@forebay/core/mount';
import { asChild, inSpan, type Span, spanNow } from '@forebay/core/tracing';

type Opened = OpenedObject | AbsentObject;

export class TracedCacheNode implements CacheNode {
  readonly nodeId: string;
  readonly #node: CacheNode;

  constructor(node: CacheNode) {
    this.nodeId = node.nodeId;
    this.#node = node;
  }

  open(request: OpenRequest): Promise<Opened> {
    return asChild({ name: 'open', kind: 'internal', facts: factsOf(request) }, async (span) => {
      const opened = await this.#node.open(request);
      span?.add(foundBy(opened));
      return opened;
    });
  }

  openNow(request: OpenRequest): Opened | undefined {
    const span = childOf(spanNow(), request);
    const opened = this.#node.openNow?.(request);
    if (span && opened) endOpen(span, opened, undefined);
    return opened;
  }

  openSoon(request: OpenRequest, done: OpenedSoon): (() => void) | undefined {
    const span = childOf(spanNow(), request);
    return span ? this.#openSoonIn(span, request, done) : this.#node.openSoon?.(request, done);
  }

  beginWrite(objects: readonly ObjectRef[], fenceId: string, epoch?: number): Promise<void> {
    return asChild({ name: 'begin write', kind: 'internal' }, () =>
      this.#node.beginWrite(objects, fenceId, epoch),
    );
  }

  endWrite(
    objects: readonly ObjectRef[],
    fenceId: string,
    outcome: WriteOutcome,
    epoch?: number,
  ): Promise<FenceReceipt> {
    return asChild({ name: 'end write', kind: 'internal', facts: { 'forebay.outcome': outcome } }, () =>
      this.#node.endWrite(objects, fenceId, outcome, epoch),
    );
  }

  beginBucketWrite(mount: Mount, fenceId: string, epoch?: number): Promise<void> {
    return asChild({ name: 'begin write', kind: 'internal' }, () =>
      this.#node.beginBucketWrite(mount, fenceId, epoch),
    );
  }

  endBucketWrite(
    mount: Mount,
    fenceId: string,
    outcome: WriteOutcome,
    epoch?: number,
  ): Promise<FenceReceipt> {
    return asChild({ name: 'end write', kind: 'internal', facts: { 'forebay.outcome': outcome } }, () =>
      this.#node.endBucketWrite(mount, fenceId, outcome, epoch),
    );
  }

  stat(question: Parameters<CacheNode['stat']>[0]): ReturnType<CacheNode['stat']> {
    return this.#node.stat(question);
  }

  free(request: FreeRequest): ReturnType<CacheNode['free']> {
    return this.#node.free(request);
  }

  stats(): ReturnType<CacheNode['stats']> {
    return this.#node.stats();
  }

  #openSoonIn(span: Span, request: OpenRequest, done: OpenedSoon): (() => void) | undefined {
    const leave = inSpan(span, () =>
      this.#node.openSoon?.(request, (opened, error) => {
        endOpen(span, opened, error);
        done(opened, error);
      }),
    );
    return (
      leave &&
      (() => {
        span.end('the client has gone');
        leave();
      })
    );
  }
}

function factsOf({ want, object }: OpenRequest) {
  return { 'forebay.want': want, 'forebay.mount': object.mount.path };
}

function foundBy(opened: Opened) {
  const { nodeId, cache } = opened;
  const found = { 'forebay.node': nodeId, 'forebay.cache': cache, 'forebay.kind': opened.kind };
  if (opened.kind === 'absent') return found;
  return { ...found, 'forebay.pages.hit': opened.pages.hit, 'forebay.pages.total': opened.pages.total };
}

/** One that is not ended is never sent. */
function childOf(parent: Span | undefined, request: OpenRequest): Span | undefined {
  return parent?.child('open', 'internal', factsOf(request));
}

function endOpen(span: Span, opened: Opened | undefined, error: unknown): void {
  if (opened) span.add(foundBy(opened));
  span.end(opened ? undefined : (error ?? 'no answer'));
}
