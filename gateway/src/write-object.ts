/**
 * The one way to write (DESIGN §4, Writes): fence the objects at their home, send exactly one request to the
 * UFS, lift the fence, and only then answer. What a write brought can be taken out only with the proof that
 * its fence was lifted, so a success without that proof does not compile.
 */
import { randomUUID } from 'node:crypto';
import type { CacheNode, FenceReceipt, WriteOutcome } from '@forebay/core/cache-node';
import { ForebayError, isKind } from '@forebay/core/errors';
import type { Mount, ObjectRef } from '@forebay/core/mount';
import type { ListCache } from './namespace/list-cache.ts';
import { S3Error } from './s3/errors.ts';
import type { LateAnswer } from './s3/late-answer.ts';
import type { S3Answer, S3Request } from './s3/types.ts';

const fenced: unique symbol = Symbol('fenced');

/** An answer to a write. Only `WriteResult.answer` makes one. */
export interface WriteAnswer extends S3Answer {
  readonly [fenced]: FenceReceipt;
}

/** A late answer brings no document but that of the WriteAnswer it waits for. */
export type WriteHandler = (request: S3Request) => Promise<WriteAnswer | LateAnswer<WriteAnswer>>;

/** What the UFS answered, sealed until the answer to the client is built. */
export class WriteResult<T> {
  readonly #value: T;
  readonly #receipt: FenceReceipt;

  constructor(value: T, receipt: FenceReceipt) {
    this.#value = value;
    this.#receipt = receipt;
  }

  answer(build: (value: T) => S3Answer): WriteAnswer {
    return { ...build(this.#value), [fenced]: this.#receipt };
  }
}

type KeptLists = Pick<ListCache, 'drop' | 'dropBucket'>;

export class ObjectWriter {
  readonly #cacheNode: CacheNode;
  readonly #lists: KeptLists | undefined;

  /** @param lists told of every write when it is over, before there is an answer, whatever became of it */
  constructor(cacheNode: CacheNode, lists?: KeptLists) {
    this.#cacheNode = cacheNode;
    this.#lists = lists;
  }

  /**
   * `action` sends the one UFS request and reads its answer to the end. It is not repeated. Without objects
   * (every key of a DeleteObjects was refused, tags of a bucket) it must write nothing under any key.
   * @throws S3Error AccessDenied on read-only mounts; whatever `action` throws; ForebayError `overloaded`
   * before anything was written, `state-unknown` where the home did not confirm the end of the fence.
   */
  async write<T>(objects: readonly ObjectRef[], action: () => Promise<T>): Promise<WriteResult<T>> {
    for (const object of objects) refuseReadOnly(object);
    const fenceId = randomUUID();
    await this.#cacheNode.beginWrite(objects, fenceId);
    return sealed(action, (failure) => this.#end(objects, fenceId, failure));
  }

  /**
   * `write` for what may take away or change every object of the mount's bucket: all are fenced at once.
   * @throws as `write`
   */
  async writeBucket<T>(mount: Mount, action: () => Promise<T>): Promise<WriteResult<T>> {
    refuseReadOnlyMount(mount);
    const fenceId = randomUUID();
    await this.#cacheNode.beginBucketWrite(mount, fenceId);
    return sealed(action, (failure) => this.#endBucket(mount, fenceId, failure));
  }

  /**
   * A bucket that is made has no objects, whatever was known of one that had its name. Making takes nothing
   * away, so reads go on meanwhile; and where nothing was made, as clients often try, what is known stays.
   * @throws as `write`
   */
  async createBucket<T>(mount: Mount, action: () => Promise<T>): Promise<WriteResult<T>> {
    refuseReadOnlyMount(mount);
    const fenceId = randomUUID();
    let value: T;
    try {
      value = await action();
    } catch (error) {
      if (isKind(error, 'state-unknown')) await this.#endBucket(mount, fenceId, error);
      throw error;
    }
    return new WriteResult(value, await this.#endBucket(mount, fenceId, undefined));
  }

  #end(objects: readonly ObjectRef[], fenceId: string, failure: unknown): Promise<FenceReceipt> {
    this.#lists?.drop(objects);
    return confirmed(failure, (outcome) => this.#cacheNode.endWrite(objects, fenceId, outcome));
  }

  #endBucket(mount: Mount, fenceId: string, failure: unknown): Promise<FenceReceipt> {
    this.#lists?.dropBucket(mount);
    return confirmed(failure, (outcome) => this.#cacheNode.endBucketWrite(mount, fenceId, outcome));
  }
}

/** Ends the fence whatever becomes of the action. */
async function sealed<T>(
  action: () => Promise<T>,
  end: (failure: unknown) => Promise<FenceReceipt>,
): Promise<WriteResult<T>> {
  let value: T;
  try {
    value = await action();
  } catch (error) {
    await end(error);
    throw error;
  }
  return new WriteResult(value, await end(undefined));
}

async function confirmed(
  failure: unknown,
  end: (outcome: WriteOutcome) => Promise<FenceReceipt>,
): Promise<FenceReceipt> {
  const outcome = isKind(failure, 'state-unknown') ? 'unknown' : 'known';
  try {
    return await end(outcome);
  } catch (error) {
    const message = 'the write was sent, but the home of the object did not confirm its end: state unknown';
    throw new ForebayError('state-unknown', message, { cause: failure ?? error });
  }
}

/** @throws S3Error AccessDenied */
export function refuseReadOnly(object: ObjectRef): void {
  refuseReadOnlyMount(object.mount);
}

/** @throws S3Error AccessDenied */
export function refuseReadOnlyMount(mount: Mount): void {
  if (mount.readOnly) {
    throw new S3Error('AccessDenied', { message: `The mount ${mount.path} is read-only.` });
  }
}
