/**
 * The owner's cache node as a worker sees it. Where the owner is gone so is the worker, a moment later: what
 * breaks with it is a connection that ends, as where one process does everything, and no answer that blames
 * the UFS. So nobody is told of a lost owner before it is certain that it is still there.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type {
  AbsentObject,
  CacheNode,
  FenceReceipt,
  NodeStats,
  OpenedObject,
  OpenedSoon,
  OpenRequest,
  ReadQuestion,
  WriteOutcome,
} from '@forebay/core/cache-node';
import { isKind } from '@forebay/core/errors';
import type { Freed, FreeRequest } from '@forebay/core/freeing';
import type { Mount, ObjectRef } from '@forebay/core/mount';
import type { ObjectStat } from '@forebay/core/object-stat';
import { ConnectionLost } from '@forebay/data-plane/client/client-stream';

/** The end of the owner is heard of in far less. */
const certainMs = 250;

export class OwnerCacheNode implements CacheNode {
  readonly nodeId: string;
  readonly #node: CacheNode;

  constructor(node: CacheNode) {
    this.nodeId = node.nodeId;
    this.#node = node;
  }

  open(request: OpenRequest): Promise<OpenedObject | AbsentObject> {
    return certainly(this.#node.open(request));
  }

  openSoon(request: OpenRequest, done: OpenedSoon): (() => void) | undefined {
    let isLeft = false;
    const leave = this.#node.openSoon?.(request, (opened, error) => {
      if (!isOwnerLost(error)) done(opened, error);
      else {
        setTimeout(() => {
          if (!isLeft) done(undefined, error);
        }, certainMs);
      }
    });
    return (
      leave &&
      (() => {
        isLeft = true;
        leave();
      })
    );
  }

  beginWrite(objects: readonly ObjectRef[], fenceId: string): Promise<void> {
    return certainly(this.#node.beginWrite(objects, fenceId));
  }

  endWrite(objects: readonly ObjectRef[], fenceId: string, outcome: WriteOutcome): Promise<FenceReceipt> {
    return certainly(this.#node.endWrite(objects, fenceId, outcome));
  }

  beginBucketWrite(mount: Mount, fenceId: string): Promise<void> {
    return certainly(this.#node.beginBucketWrite(mount, fenceId));
  }

  endBucketWrite(mount: Mount, fenceId: string, outcome: WriteOutcome): Promise<FenceReceipt> {
    return certainly(this.#node.endBucketWrite(mount, fenceId, outcome));
  }

  stat(question: ReadQuestion): Promise<ObjectStat> {
    return certainly(this.#node.stat(question));
  }

  free(request: FreeRequest): Promise<Freed> {
    return certainly(this.#node.free(request));
  }

  stats(): Promise<NodeStats> {
    return certainly(this.#node.stats());
  }
}

async function certainly<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (isOwnerLost(error)) await wait(certainMs);
    throw error;
  }
}

function isOwnerLost(error: unknown): boolean {
  return isKind(error, 'node-unavailable') && error.cause instanceof ConnectionLost;
}
