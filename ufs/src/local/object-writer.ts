/**
 * The one way bytes become an object: staged first, measured on their way, then, under the key's lock, the
 * conditions are decided and the object is replaced. Whatever fails leaves the object that was there.
 */
import { createHash } from 'node:crypto';
import { type HeaderList, headerValue } from '@forebay/core/object';
import type { UfsUpload } from '../ufs.ts';
import { incompleteBody, otherChecksumAlgorithm } from './answers.ts';
import type { ObjectBackend, ObjectRecord, ObjectState, StagedBytes } from './backend.ts';
import { checksumHeaderOf, type Digest, digestOf } from './checksums.ts';
import type { KeyLocks } from './key-locks.ts';
import { algorithmOf, isChecksumHeader } from './object-headers.ts';
import { checkWriteConditions, hasWriteConditions } from './write-conditions.ts';

export interface Write {
  readonly key: string;
  readonly body: AsyncIterable<Uint8Array>;
  /** For the conditions. */
  readonly headers: HeaderList;
  /** Called once the body has been stored. */
  record(): ObjectRecord;
}

export class ObjectWriter {
  readonly #backend: ObjectBackend;
  readonly #locks: KeyLocks;
  readonly #lockScope: string;

  /** @param options.lockScope names the store: writers of one store share it */
  constructor(options: { backend: ObjectBackend; locks: KeyLocks; lockScope: string }) {
    this.#backend = options.backend;
    this.#locks = options.locks;
    this.#lockScope = options.lockScope;
  }

  async write(write: Write): Promise<ObjectState> {
    // Decided for good under the lock; a body that is bound to be refused need not be sent.
    if (hasWriteConditions(write.headers)) await this.checkConditions(write.key, write.headers);
    const staged = await this.#backend.stage(write.body);
    return this.#commit(staged, write);
  }

  async #commit(staged: StagedBytes, write: Write): Promise<ObjectState> {
    try {
      return await this.locked(write.key, async () => {
        await this.checkConditions(write.key, write.headers);
        return staged.commit(write.key, write.record());
      });
    } finally {
      await staged.discard();
    }
  }

  async checkConditions(key: string, headers: HeaderList): Promise<void> {
    if (!hasWriteConditions(headers)) return;
    const current = await this.stateOf(key);
    checkWriteConditions(headers, key, current?.record.etag);
  }

  async stateOf(key: string): Promise<ObjectState | undefined> {
    const object = await this.#backend.open(key);
    await object?.close();
    return object;
  }

  locked<T>(key: string, task: () => Promise<T>): Promise<T> {
    return this.#locks.run(`${this.#lockScope}\0key\0${key}`, task);
  }

  /** For what is done to one multipart upload. Taken before a key's lock, never after. */
  uploadLocked<T>(uploadId: string, task: () => Promise<T>): Promise<T> {
    return this.#locks.run(`${this.#lockScope}\0upload\0${uploadId}`, task);
  }
}

/** An upload's body on its way: MD5 and a checksum computed, size held to what was announced. */
export class MeasuredBody implements AsyncIterable<Uint8Array> {
  readonly #upload: Pick<UfsUpload, 'body' | 'sizeBytes' | 'signal'>;
  readonly #md5 = createHash('md5');
  readonly #digest: Digest | undefined;
  #md5Hex: string | undefined;

  constructor(upload: Pick<UfsUpload, 'body' | 'sizeBytes' | 'signal'>, digest?: Digest) {
    this.#upload = upload;
    this.#digest = digest;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const { body, sizeBytes, signal } = this.#upload;
    let seenBytes = 0;
    signal?.throwIfAborted();
    for await (const chunk of body) {
      signal?.throwIfAborted();
      seenBytes += chunk.byteLength;
      if (seenBytes > sizeBytes) break;
      this.#md5.update(chunk);
      this.#digest?.update(chunk);
      yield chunk;
    }
    signal?.throwIfAborted();
    if (seenBytes !== sizeBytes) throw incompleteBody(sizeBytes, seenBytes);
    this.#md5Hex = this.#md5.digest('hex');
  }

  /** Of the digest, which must be there; once, when the body has ended. */
  checksumOf(algorithm: string): HeaderList {
    return [[checksumHeaderOf(algorithm), this.#digest!.value().toString('base64')]];
  }

  /** Quoted; known once the body has ended. */
  get etag(): string {
    if (this.#md5Hex === undefined) throw new Error('assertion failed: the body has not ended');
    return `"${this.#md5Hex}"`;
  }
}

/**
 * The algorithm that a part owes its upload and did not bring: it is computed here, so that the object's
 * checksum follows from its parts'. @throws UfsAnswerError InvalidRequest where it brought another
 */
export function missingChecksum(
  algorithm: string | undefined,
  part: Pick<UfsUpload, 'headers' | 'trailer'>,
): string | undefined {
  if (algorithm === undefined) return undefined;
  const names = part.headers.map(([name]) => name).filter(isChecksumHeader);
  if (part.trailer) names.push(part.trailer.name);
  const [name] = names;
  if (name === undefined) return digestOf(algorithm) && algorithm;
  if (algorithmOf(name) !== algorithm) throw otherChecksumAlgorithm(algorithm, algorithmOf(name));
  return undefined;
}

/**
 * Checksums of an upload, from its headers and its trailer; the trailer's is known once the body has ended.
 */
export function uploadChecksums(upload: Pick<UfsUpload, 'headers' | 'trailer'>): HeaderList {
  const given = upload.headers.filter(([name]) => isChecksumHeader(name));
  const { trailer } = upload;
  if (!trailer || headerValue(given, trailer.name) !== undefined) return given;
  return [...given, [trailer.name, trailer.value()]];
}
