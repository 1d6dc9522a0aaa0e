/**
 * A cache node of a few objects whose steps a test can hold: when an open is answered, and each piece of a
 * body. Pieces are lent and spoiled afterwards. It counts bodies that were not returned, and notes calls.
 */
import type {
  AbsentObject,
  BeginEpoch,
  FenceReceipt,
  NodeStats,
  OpenedObject,
  OpenedPages,
  OpenRequest,
  PageOwner,
  ReadQuestion,
  ReadRequest,
  WriteOutcome,
} from '@forebay/core/cache-node';
import { evaluateConditions } from '@forebay/core/conditions';
import type { Freed, FreeRequest } from '@forebay/core/freeing';
import type { Mount, ObjectRef } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import type { ObjectInfo } from '@forebay/core/object';
import type { ObjectStat } from '@forebay/core/object-stat';
import { type ByteRange, resolveRange } from '@forebay/core/range';
import { LendingBody, type LentFile } from './lending-body.ts';

export const lake = mountOf('/lake=s3://store?endpoint=http://127.0.0.1:1');

export function mountOf(text: string): Mount {
  return parseMount(text, { pageSizeBytes: 1024 * 1024, createdAtMs: 0 });
}

export function refOf(ufsKey: string, mount: Mount = lake): ObjectRef {
  return { mount, ufsKey };
}

/** A text that every part of is told apart from every other. */
export function contentOf(lengthBytes: number, seed = 1): Buffer {
  const content = Buffer.alloc(lengthBytes);
  let state = seed;
  for (let at = 0; at < lengthBytes; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    content[at] = state >>> 16;
  }
  return content;
}

interface Stored {
  readonly content: Buffer;
  readonly info: ObjectInfo;
}

export class ScriptedNode implements PageOwner {
  readonly nodeId = 'scripted';
  readonly objects = new Map<string, Stored>();
  readonly calls: string[] = [];
  readonly requests: OpenRequest[] = [];
  readonly reads: ReadRequest[] = [];
  /** Bodies end here, where their range goes on. */
  bodyEnd = Number.POSITIVE_INFINITY;
  pieceBytes = 100_000;
  bodiesOpen = 0;
  /** Awaited before an open is answered. May throw. */
  beforeAnswer: (request: OpenRequest) => Promise<void> | undefined = () => undefined;
  /** Awaited before each piece of a body. May throw: the body breaks there. */
  beforePiece: (offset: number) => Promise<void> | undefined = () => undefined;
  /** Called at the begin and end of a write. May throw. */
  onWrite: (call: string) => void = () => {};
  /** Bodies lend parts of this file, which holds their object, beside bytes. */
  lendsFrom: LentFile | undefined;
  /** Answers without a wait what it can. */
  answersAtOnce = false;

  put(key: string, content: Buffer, headers: ObjectInfo['headers'] = [['content-type', 'a/b']]): ObjectInfo {
    const info: ObjectInfo = {
      sizeBytes: content.length,
      etag: `"${key}-${content.length}"`,
      lastModifiedMs: 1_700_000_000_000,
      versionId: undefined,
      headers,
      checksumsKnown: true,
    };
    this.objects.set(key, { content, info });
    return info;
  }

  async open(request: OpenRequest): Promise<OpenedObject | AbsentObject> {
    this.requests.push(request);
    await this.beforeAnswer(request);
    return this.#answer(request);
  }

  openNow(request: OpenRequest): OpenedObject | AbsentObject | undefined {
    if (!this.answersAtOnce) return undefined;
    this.requests.push(request);
    return this.#answer(request);
  }

  async read(request: ReadRequest): Promise<OpenedPages> {
    this.reads.push(request);
    const { object, range, signal } = request;
    const endExclusive = Math.max(range.start, Math.min(range.endExclusive, this.bodyEnd));
    const answered = { nodeId: this.nodeId, endExclusive, pages: { hit: 3, total: 4 } };
    if (endExclusive === range.start) return { ...answered, body: undefined };
    const { content } = this.objects.get(object.ufsKey)!;
    return { ...answered, body: this.#bodyOf(content, { ...range, endExclusive }, signal) };
  }

  beginWrite(objects: readonly ObjectRef[], fenceId: string, epoch?: BeginEpoch): Promise<void> {
    return this.#note(`begin ${fenceId} ${namesOf(objects)}${of(epoch)}`);
  }

  async endWrite(
    objects: readonly ObjectRef[],
    fenceId: string,
    outcome: WriteOutcome,
    epoch?: number,
  ): Promise<FenceReceipt> {
    await this.#note(`end ${fenceId} ${namesOf(objects)} ${outcome}${of(epoch)}`);
    return { fenceId, ended: true };
  }

  beginBucketWrite(mount: Mount, fenceId: string, epoch?: BeginEpoch): Promise<void> {
    return this.#note(`begin bucket ${fenceId} ${mount.bucket}${of(epoch)}`);
  }

  async endBucketWrite(
    mount: Mount,
    fenceId: string,
    outcome: WriteOutcome,
    epoch?: number,
  ): Promise<FenceReceipt> {
    await this.#note(`end bucket ${fenceId} ${mount.bucket} ${outcome}${of(epoch)}`);
    return { fenceId, ended: true };
  }

  async stat({ object, want, range }: ReadQuestion): Promise<ObjectStat> {
    const policy = { quotaBytes: undefined, maxObjectSizeBytes: Number.POSITIVE_INFINITY };
    return { nodeId: `${object.ufsKey} ${want} ${JSON.stringify(range)}`, policy } as ObjectStat;
  }

  async free(request: FreeRequest): Promise<Freed> {
    const freed = { pages: 1, bytes: 2, pinnedPages: 3, pinnedBytes: 4 };
    request.onProgress(freed);
    this.calls.push(`free ${request.keys.text} ${request.pinned} ${request.dryRun}`);
    await this.beforePiece(0);
    request.signal.throwIfAborted();
    return { ...freed, pages: 10 };
  }

  async stats(): Promise<NodeStats> {
    return { nodeId: this.nodeId, fencesOpen: 7 } as NodeStats;
  }

  async #note(call: string): Promise<void> {
    this.onWrite(call);
    this.calls.push(call);
  }

  #answer({ object, want, range: asked, conditions = {}, signal }: OpenRequest): OpenedObject | AbsentObject {
    const answered = { cache: 'HIT', ageMs: 12.5, nodeId: this.nodeId } as const;
    const stored = this.objects.get(object.ufsKey);
    if (!stored) {
      const answer = { status: 404, code: 'NoSuchKey', message: 'no such key' };
      return { kind: 'absent', ...answered, answer };
    }
    const { info, content } = stored;
    const resolved = resolveRange(asked, info.sizeBytes);
    const { range, whole } = resolved === 'unsatisfiable' ? { range: resolved, whole: false } : resolved;
    const condition = evaluateConditions(conditions, info);
    const wanted = range !== 'unsatisfiable' && condition === 'met' && want === 'bytes';
    const found = { ...answered, info, condition, range, whole, pages: { hit: 1, total: 2 } };
    if (!wanted) return { kind: 'object', ...found, body: undefined };
    const { bodyEnd } = this;
    if (bodyEnd >= range.endExclusive) {
      return { kind: 'object', ...found, body: this.#bodyOf(content, range, signal) };
    }
    const own = { ...range, endExclusive: bodyEnd };
    const body = bodyEnd > range.start ? this.#bodyOf(content, own, signal) : undefined;
    return { kind: 'object', ...found, bodyEndExclusive: bodyEnd, body };
  }

  #bodyOf(content: Buffer, range: ByteRange, signal: AbortSignal): OpenedObject['body'] {
    if (!this.lendsFrom) return this.#body(content.subarray(range.start, range.endExclusive), signal);
    this.bodiesOpen += 1;
    return new LendingBody(this.lendsFrom, content, range, () => {
      this.bodiesOpen -= 1;
    });
  }

  #body(content: Buffer, signal: AbortSignal): OpenedObject['body'] {
    if (content.length <= 16 && this.answersAtOnce) return content;
    this.bodiesOpen += 1;
    let at = 0;
    let isOpen = true;
    let lent = Buffer.alloc(0);
    let leave = () => {};
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const close = async () => {
      lent.fill(0xdb);
      if (isOpen) this.bodiesOpen -= 1;
      isOpen = false;
      leave();
      return { done: true, value: undefined } as const;
    };
    const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      lent.fill(0xdb);
      try {
        await Promise.race([left, this.beforePiece(at)]);
        signal.throwIfAborted();
      } catch (error) {
        await close();
        throw error;
      }
      if (!isOpen || at >= content.length) return close();
      lent = Buffer.from(content.subarray(at, at + this.pieceBytes));
      at += lent.length;
      return { done: false, value: lent };
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: close }) };
  }
}

function namesOf(objects: readonly ObjectRef[]): string {
  return objects.map(({ mount, ufsKey, versionId = '' }) => `${mount.path}:${ufsKey}${versionId}`).join();
}

function of(epoch: BeginEpoch | undefined): string {
  return epoch === undefined ? '' : ` of ${epoch}`;
}
