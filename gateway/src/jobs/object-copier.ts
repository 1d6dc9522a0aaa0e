/**
 * Copies of jobs, from one mount to another: the source's bytes by its version, one fenced write to the
 * target, and a comparison of checksums before the copy counts. What the target's ETag does not prove is read
 * back. Tags and ACLs stay behind.
 */
import { createHash, type Hash } from 'node:crypto';
import type { CacheNode } from '@forebay/core/cache-node';
import { ForebayError, isUfsAnswer } from '@forebay/core/errors';
import type { CopyRequest, WorkOutcome } from '@forebay/core/job-worker';
import { type Mount, type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import { type HeaderList, hasStrongEtag, headerValue, type ObjectInfo } from '@forebay/core/object';
import type { Ufs, UfsPartRef, UfsWritten } from '@forebay/ufs/ufs';
import { ObjectWriter } from '../write-object.ts';

export interface ObjectCopierOptions {
  readonly cacheNode: CacheNode;
  readonly ufsOf: (mount: Mount) => Promise<Ufs>;
  /** Larger objects are sent in parts of this size; 64 MiB without it. */
  readonly partBytes?: number;
}

const partBytesDefault = 64 * 1024 * 1024;
const partsMax = 10_000;
/** What one request of the store can copy by itself. */
const copyBytesMax = 5 * 1024 * 1024 * 1024;
const kept = /^(content-(type|encoding|language|disposition)|cache-control|expires|x-amz-meta-.*)$/;

interface Ends {
  readonly source: ObjectRef;
  readonly target: ObjectRef;
  readonly from: Ufs;
  readonly to: Ufs;
  readonly info: ObjectInfo & { readonly etag: string };
  readonly signal: AbortSignal;
}

export class ObjectCopier {
  readonly #options: ObjectCopierOptions;
  readonly #writer: ObjectWriter;

  constructor(options: ObjectCopierOptions) {
    this.#options = options;
    this.#writer = new ObjectWriter(options.cacheNode);
  }

  /** @throws UfsAnswerError; ForebayError, `version-changed` where the source changed meanwhile */
  async copy({ source, target, move, signal }: CopyRequest): Promise<WorkOutcome> {
    const { ufsOf } = this.#options;
    if (placementKeyOf(source) === placementKeyOf(target)) return refused('source and target are one object');
    const [from, to] = [await ufsOf(source.mount), await ufsOf(target.mount)];
    const info = await from.head(source.ufsKey, { signal });
    if (!hasStrongEtag(info)) return refused('the source has no strong ETag: it may change unseen');
    const there = await headIfThere(to, target.ufsKey, signal);
    const isThere = there?.etag === info.etag && there.sizeBytes === info.sizeBytes;
    const ends = { source, target, from, to, info, signal };
    const sent = isThere ? { ufsRequests: 0, ufsBytes: 0 } : await this.#send(ends);
    if (move) await this.#remove(ends);
    const ufsRequests = 2 + sent.ufsRequests + (move ? 2 : 0);
    const kind = isThere && !move ? 'cached' : 'done';
    return { kind, info, bytes: info.sizeBytes, ufsRequests, ufsBytes: sent.ufsBytes };
  }

  async #send(ends: Ends) {
    const { from, to, info } = ends;
    const { partBytes = partBytesDefault } = this.#options;
    if (from.identity === to.identity && info.sizeBytes <= copyBytesMax) return this.#copyWithin(ends);
    return info.sizeBytes > partBytes ? this.#sendParts(ends, partBytes) : this.#sendWhole(ends);
  }

  /** The store copies by itself, and vouches for it. */
  async #copyWithin({ source, target, to, info }: Ends) {
    const headers: HeaderList = [['x-amz-copy-source-if-match', info.etag]];
    const request = { sourceKey: source.ufsKey, key: target.ufsKey, headers };
    await this.#write([target], () => to.copy(request));
    return { ufsRequests: 1, ufsBytes: 0 };
  }

  async #sendWhole(ends: Ends) {
    const { target, to, info, signal } = ends;
    const hash = createHash('md5');
    const { sizeBytes } = info;
    const upload = { sizeBytes, body: bodyOf(ends, 0, { endExclusive: sizeBytes, hashes: [hash] }) };
    const written = await this.#write([target], () =>
      to.put(target.ufsKey, { ...upload, headers: keptHeaders(info), signal }),
    );
    const digest = hash.digest('hex');
    const isProven = etagOf(written) === digest;
    if (!isProven) await verifyBack(ends, digest);
    return { ufsRequests: isProven ? 2 : 3, ufsBytes: sizeBytes };
  }

  async #sendParts(ends: Ends, partBytesMin: number) {
    const { target, to, info } = ends;
    const partBytes = Math.max(partBytesMin, Math.ceil(info.sizeBytes / partsMax));
    const { uploadId } = await to.createUpload(target.ufsKey, keptHeaders(info));
    try {
      const { parts, digests, whole } = await this.#parts(ends, { uploadId, partBytes });
      const written = await this.#write([target], () =>
        to.completeUpload(target.ufsKey, { uploadId, parts, headers: [] }),
      );
      const expected = `${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${parts.length}`;
      const isProven = written.etag?.replaceAll('"', '') === expected;
      if (!isProven) await verifyBack(ends, whole);
      return { ufsRequests: 2 + 2 * parts.length + (isProven ? 0 : 1), ufsBytes: info.sizeBytes };
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
    const { target, to, info, signal } = ends;
    const whole = createHash('md5');
    const digests: Buffer[] = [];
    const parts: UfsPartRef[] = [];
    for (let start = 0; start < info.sizeBytes; start += partBytes) {
      const endExclusive = Math.min(info.sizeBytes, start + partBytes);
      const hash = createHash('md5');
      const partNumber = parts.length + 1;
      const written = await to.uploadPart(target.ufsKey, {
        ...{ uploadId, partNumber, sizeBytes: endExclusive - start, headers: [], signal },
        body: bodyOf(ends, start, { endExclusive, hashes: [hash, whole] }),
      });
      digests.push(hash.digest());
      parts.push({ partNumber, etag: headerValue(written.headers, 'etag') ?? '', checksums: [] });
    }
    return { parts, digests, whole: whole.digest('hex') };
  }

  /** Only what was copied: a source that has changed since stays. */
  async #remove({ source, from, info, signal }: Ends): Promise<void> {
    const now = await from.head(source.ufsKey, { signal });
    if (now.etag !== info.etag) {
      throw new ForebayError('version-changed', 'the source changed while it was copied');
    }
    await this.#write([source], () => from.delete(source.ufsKey, { headers: [] }));
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
  { from, source, info, signal }: Ends,
  start: number,
  { endExclusive, hashes }: { readonly endExclusive: number; readonly hashes: readonly Hash[] },
): AsyncGenerator<Uint8Array, void> {
  if (start === endExclusive) return;
  const range = { kind: 'span', start, endExclusive } as const;
  const opened = await from.get(source.ufsKey, { range, ifMatch: info.etag, signal });
  if (opened.info.etag !== info.etag) {
    throw new ForebayError('version-changed', 'the source changed while it was copied');
  }
  let at = opened.range.start;
  for await (const piece of opened.body) {
    const wanted = piece.subarray(Math.max(0, start - at), Math.max(0, endExclusive - at));
    at += piece.byteLength;
    if (wanted.byteLength === 0) continue;
    for (const hash of hashes) hash.update(wanted);
    yield Buffer.from(wanted);
  }
}

/** Reads the target: its ETag is no MD5 of what was sent. */
async function verifyBack({ to, target, info, signal }: Ends, digest: string): Promise<void> {
  const hash = createHash('md5');
  if (info.sizeBytes > 0) {
    const opened = await to.get(target.ufsKey, { signal });
    for await (const piece of opened.body) hash.update(piece);
  }
  if (hash.digest('hex') === digest) return;
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
