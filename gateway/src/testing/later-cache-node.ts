/** A CacheNode that is asked at once and answers in a later tick, when the test says so. */
import type {
  AbsentObject,
  CacheNode,
  OpenedObject,
  OpenedSoon,
  OpenRequest,
} from '@forebay/core/cache-node';
import { DirectCacheNode } from './direct-cache-node.ts';

export class LaterCacheNode extends DirectCacheNode {
  readonly #node: Required<Pick<CacheNode, 'openNow'>>;
  readonly #held: { readonly done: () => void; isLeft: boolean }[] = [];
  #waiters: (() => void)[] = [];
  /** False: answers come by themselves, in the next turn. */
  holds = false;
  /** Thrown in place of the next answer. */
  error: Error | undefined;
  /** How many were asked for, and how many of them were left. */
  askedCount = 0;
  leftCount = 0;

  /** @param node has the answers */
  constructor(node: Required<Pick<CacheNode, 'openNow'>>) {
    super(() => {
      throw new Error('no UFS is asked');
    });
    this.#node = node;
  }

  openSoon(request: OpenRequest, done: OpenedSoon): () => void {
    const held = { isLeft: false, done: () => this.#answer(request, done) };
    this.askedCount += 1;
    this.#held.push(held);
    if (!this.holds) setImmediate(() => this.letGo());
    for (const waiter of this.#waiters.splice(0)) waiter();
    return () => {
      if (!held.isLeft) this.leftCount += 1;
      held.isLeft = true;
    };
  }

  /** What was asked for is answered now. */
  letGo(): void {
    for (const { done, isLeft } of this.#held.splice(0)) if (!isLeft) done();
  }

  /** Resolves when so many are held. */
  async whenHeld(count: number): Promise<void> {
    while (this.#held.length < count) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  override async open(request: OpenRequest): Promise<OpenedObject | AbsentObject> {
    const opened = this.#node.openNow(request);
    if (!opened) throw new Error('there is no answer');
    return opened;
  }

  #answer(request: OpenRequest, done: OpenedSoon): void {
    const { error } = this;
    this.error = undefined;
    if (error) done(undefined, error);
    else done(this.#node.openNow(request));
  }
}
