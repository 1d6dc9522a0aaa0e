/**
 * Copies of jobs, from one mount to another: the source's bytes by its version, one fenced write to the
 * target, and a comparison of checksums before the copy counts. What the target's ETag does not prove is read
 * back. Tags and ACLs stay behind. No more than a piece of an object is held, and what the sockets hold.
 */
import { createHash, type Hash } from 'node:crypto';
import { MiB } from '@forebay/core/bytes';
import type { CacheNode } from '@forebay/core/cache-node';
import { ForebayError, isUfsAnswer } from '@forebay/core/errors';
import type { CopyRequest, Removed, RemoveRequest, WorkOutcome } from '@forebay/core/job-worker';
import { type Mount, type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import { type HeaderList, hasStrongEtag, headerValue, type ObjectInfo } from '@forebay/core/object';
import type { Ufs, UfsPartRef, UfsWritten } from '@forebay/ufs/ufs';
import { ObjectWriter } from '../write-object.ts';
import { sourceParts } from './source-parts.ts';

export interface ObjectCopierOptions {
  /** Where writes are fenced. */
  readonly cacheNode: CacheNode;
  readonly ufsOf: (mount: Mount) => Promise<Ufs>;
  /** Larger objects are sent in parts, if their sources were not; 1 GiB without it. */
  readonly wholeBytesMax?: number;
  /** Of parts, where those of the source are not known; 64 MiB without it. */
  readonly partBytes?: number;
}

const partBytesDefault = 64 * MiB;
const wholeBytesMaxDefault = 1024 * MiB;
const partsMax = 10_000;
/** What one request of the store can copy by itself. */
const copyBytesMax = 5 * 1024 * MiB;
const changedText = 'the source changed since it was copied, and stays';
const kept = /^(content-(type|encoding|language|disposition)|cache-control|expires|x-amz-meta-.*)$/;

interface Ends {
  readonly source: ObjectRef;
  readonly target: ObjectRef;
  readonly from: Ufs;
  readonly to: Ufs;
  readonly info: ObjectInfo & { readonly etag: string };
  readonly used: Used;
  readonly signal: AbortSignal;
}

/** MD5 of what was sent, part by part. */
interface Sent {
  readonly digests: readonly Buffer[];
  readonly partBytes: number;
}

/** What the stores were asked for, on either side. */
interface Used {
  ufsRequests: number;
  ufsBytes: number;
}

export class ObjectCopier {
  readonly #options: ObjectCopierOptions;
  readonly #writer: ObjectWriter;

  constructor(options: ObjectCopierOptions) {
    this.#options = options;
    this.#writer = new ObjectWriter(options.cacheNode);
  }

  /** @throws UfsAnswerError; ForebayError, `version-changed` where the source changed meanwhile */
  async copy({ source, target, signal }: CopyRequest): Promise<WorkOutcome> {
    const { ufsOf } = this.#options;
    if (placementKeyOf(source) === placementKeyOf(target)) return refused('source and target are one object');
    const [from, to] = [await ufsOf(source.mount), await ufsOf(target.mount)];
    const info = await from.head(source.ufsKey, { signal });
    const used: Used = { ufsRequests: 1, ufsBytes: 0 };
    if (!hasStrongEtag(info)) {
      return { ...refused('the source has no strong ETag: it may change unseen'), ...used };
    }
    const there = await headIfThere(to, target.ufsKey, signal);
    used.ufsRequests += 1;
    const isThere = there?.etag === info.etag && there.sizeBytes === info.sizeBytes;
    if (!isThere) await this.#send({ source, target, from, to, info, used, signal });
    return { kind: isThere ? 'cached' : 'done', info, bytes: info.sizeBytes, ...used };
  }

  /** @throws UfsAnswerError, ForebayError */
  async remove({ source, etag, signal }: RemoveRequest): Promise<Removed> {
    const from = await this.#options.ufsOf(source.mount);
    const now = await headIfThere(from, source.ufsKey, signal);
    if (!now) return { ufsRequests: 1, ufsBytes: 0 };
    if (now.etag !== etag) return { reason: changedText, ufsRequests: 1, ufsBytes: 0 };
    let ufsRequests = 1;
    const remove = (headers: HeaderList) => {
      ufsRequests += 1;
      return this.#write([source], () => from.delete(source.ufsKey, { headers }));
    };
    try {
      await remove([['if-match', etag]]);
    } catch (error) {
      const status = isUfsAnswer(error) ? error.answer.status : 0;
      if (status === 412) return { reason: changedText, ufsRequests, ufsBytes: 0 };
      // Stores that know no condition on a delete ignore it, or say so: the HEAD has to do.
      if (status === 501) await remove([]);
      else if (status !== 404) throw error;
    }
    return { ufsRequests, ufsBytes: 0 };
  }

  async #send(ends: Ends): Promise<void> {
    const { source, from, to, info, used, signal } = ends;
    const { partBytes = partBytesDefault, wholeBytesMax = wholeBytesMaxDefault } = this.#options;
    if (from.identity === to.identity && info.sizeBytes <= copyBytesMax) return this.#copyWithin(ends);
    const parts = await sourceParts(from, { key: source.ufsKey, info, signal });
    used.ufsRequests += parts.ufsRequests;
    if (parts.partBytes !== undefined) return this.#sendParts(ends, parts.partBytes);
    return info.sizeBytes > wholeBytesMax ? this.#sendParts(ends, partBytes) : this.#sendWhole(ends);
  }

  /** The store copies by itself, and vouches for it. */
  async #copyWithin({ source, target, to, info, used }: Ends): Promise<void> {
    const headers: HeaderList = [['x-amz-copy-source-if-match', info.etag]];
    const request = { sourceKey: source.ufsKey, key: target.ufsKey, headers };
    used.ufsRequests += 1;
    await this.#write([target], () => to.copy(request));
  }

  async #sendWhole(ends: Ends): Promise<void> {
    const { target, to, info, used, signal } = ends;
    const hash = createHash('md5');
    const { sizeBytes } = info;
    const upload = { sizeBytes, body: bodyOf(ends, 0, { endExclusive: sizeBytes, hash }) };
    used.ufsRequests += 1;
    const written = await this.#write([target], () =>
      to.put(target.ufsKey, { ...upload, headers: keptHeaders(info), signal }),
    );
    const digest = hash.digest();
    if (etagOf(written) === digest.toString('hex')) return;
    await verifyBack(ends, { digests: [digest], partBytes: Number.MAX_SAFE_INTEGER });
  }

  async #sendParts(ends: Ends, partBytesMin: number): Promise<void> {
    const { target, to, info, used } = ends;
    const partBytes = Math.max(partBytesMin, Math.ceil(info.sizeBytes / partsMax));
    used.ufsRequests += 1;
    const { uploadId } = await to.createUpload(target.ufsKey, keptHeaders(info));
    try {
      const { parts, digests } = await this.#parts(ends, { uploadId, partBytes });
      used.ufsRequests += 1;
      const written = await this.#write([target], () =>
        to.completeUpload(target.ufsKey, { uploadId, parts, headers: [] }),
      );
      const expected = `${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${parts.length}`;
      if (written.etag?.replaceAll('"', '') !== expected) await verifyBack(ends, { digests, partBytes });
    } catch (error) {
      // What is not completed costs its owner room for as long as nobody aborts it.
      await to.abortUpload(target.ufsKey, uploadId).catch(() => undefined);
      throw error;
    }
  }

  async #parts(
    ends: Ends,
    { uploadId, partBytes }: { readonly uploadId: string; readonly partBytes: number },
  ) {
    const { target, to, info, used, signal } = ends;
    const digests: Buffer[] = [];
    const parts: UfsPartRef[] = [];
    for (let start = 0; start < info.sizeBytes; start += partBytes) {
      const endExclusive = Math.min(info.sizeBytes, start + partBytes);
      const hash = createHash('md5');
      const partNumber = parts.length + 1;
      used.ufsRequests += 1;
      const written = await to.uploadPart(target.ufsKey, {
        ...{ uploadId, partNumber, sizeBytes: endExclusive - start, headers: [], signal },
        body: bodyOf(ends, start, { endExclusive, hash }),
      });
      digests.push(hash.digest());
      parts.push({ partNumber, etag: headerValue(written.headers, 'etag') ?? '', checksums: [] });
    }
    return { parts, digests };
  }

  async #write<T>(objects: readonly ObjectRef[], action: () => Promise<T>): Promise<T> {
    const done: T[] = [];
    await this.#writer.write(objects, async () => done.push(await action()));
    return done[0]!;
  }
}

async function headIfThere(ufs: Ufs, key: string, signal: AbortSignal): Promise<ObjectInfo | undefined> {
  try {
    return await ufs.head(key, { signal });
  } catch (error) {
    if (isUfsAnswer(error) && error.answer.status === 404) return undefined;
    throw error;
  }
}

/** The source's bytes, of its version alone, hashed on their way; pieces are the receiver's to keep. */
async function* bodyOf(
  { from, source, info, used, signal }: Ends,
  start: number,
  { endExclusive, hash }: { readonly endExclusive: number; readonly hash: Hash },
): AsyncGenerator<Uint8Array, void> {
  if (start === endExclusive) return;
  const range = { kind: 'span', start, endExclusive } as const;
  used.ufsRequests += 1;
  const opened = await from.get(source.ufsKey, { range, ifMatch: info.etag, signal });
  if (opened.info.etag !== info.etag) {
    throw new ForebayError('version-changed', 'the source changed while it was copied');
  }
  let at = opened.range.start;
  for await (const piece of opened.body) {
    const wanted = piece.subarray(Math.max(0, start - at), Math.max(0, endExclusive - at));
    at += piece.byteLength;
    if (wanted.byteLength === 0) continue;
    used.ufsBytes += wanted.byteLength;
    hash.update(wanted);
    yield Buffer.from(wanted);
  }
}

/** Reads the target, whose ETag is no MD5 of what was sent. */
async function verifyBack({ to, target, info, used, signal }: Ends, sent: Sent): Promise<void> {
  const found: Buffer[] = [];
  let hash = createHash('md5');
  let at = 0;
  const isPartEnd = () => at % sent.partBytes === 0 || at === info.sizeBytes;
  used.ufsRequests += info.sizeBytes > 0 ? 1 : 0;
  const body = info.sizeBytes > 0 ? (await to.get(target.ufsKey, { signal })).body : [];
  for await (const piece of body) {
    used.ufsBytes += piece.byteLength;
    for (let rest: Uint8Array = piece; rest.byteLength > 0; ) {
      const own = rest.subarray(0, sent.partBytes - (at % sent.partBytes));
      hash.update(own);
      at += own.byteLength;
      rest = rest.subarray(own.byteLength);
      if (!isPartEnd()) continue;
      found.push(hash.digest());
      hash = createHash('md5');
    }
  }
  if (at === 0) found.push(hash.digest());
  if (Buffer.concat(found).equals(Buffer.concat(sent.digests))) return;
  throw new ForebayError('ufs-unavailable', 'the target does not have the bytes that were sent');
}

function etagOf({ headers }: UfsWritten): string | undefined {
  return headerValue(headers, 'etag')?.replaceAll('"', '');
}

function keptHeaders({ headers }: ObjectInfo): HeaderList {
  return headers.filter(([name]) => kept.test(name));
}

function refused(reason: string): WorkOutcome {
  return { kind: 'refused', reason, ufsRequests: 0, ufsBytes: 0 };
}
