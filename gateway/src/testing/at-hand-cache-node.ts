/** A CacheNode that has everything in memory and answers at once, for tests of what needs no wait. */
import type { AbsentObject, OpenedObject, OpenRequest } from '@forebay/core/cache-node';
import { evaluateConditions } from '@forebay/core/conditions';
import type { ObjectInfo } from '@forebay/core/object';
import { type ByteRange, resolveRange } from '@forebay/core/range';
import { BegunBody } from './begun-body.ts';
import { DirectCacheNode } from './direct-cache-node.ts';
import { FileBody } from './file-body.ts';
import { PipedBody } from './held-body.ts';

export interface AtHand {
  readonly bytes: Buffer;
  /** The same in a file: then bodies lend parts of it. */
  readonly file?: { readonly descriptor: number; readonly sliceBytesMax: number };
  /** The same as another process sends it: whole before it is read, or only its first bytes. */
  readonly piped?: 'whole' | 'begun';
  /** The same in pieces of so many bytes, of which only the first is there at once. */
  readonly pieceBytes?: number;
  /** What comes in place of the second piece. */
  readonly failure?: Error;
  readonly headers?: ObjectInfo['headers'];
}

export class AtHandCacheNode extends DirectCacheNode {
  /** By the key at the UFS. Others are absent. */
  readonly #objects = new Map<string, AtHand & { readonly info: ObjectInfo }>();
  /** That were lent in files. */
  readonly fileBodies: FileBody[] = [];
  readonly pipedBodies: PipedBody[] = [];
  readonly begunBodies: BegunBody[] = [];

  put(ufsKey: string, object: AtHand): void {
    const { bytes, headers = [] } = object;
    const info = {
      sizeBytes: bytes.byteLength,
      etag: `"etag-of-${bytes.byteLength}"`,
      lastModifiedMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      versionId: undefined,
      headers,
      checksumsKnown: true,
    };
    this.#objects.set(ufsKey, { ...object, info });
  }

  openNow(request: OpenRequest): OpenedObject | AbsentObject {
    const answered = { cache: 'HIT', ageMs: 7_654, nodeId: this.nodeId } as const;
    const known = this.#objects.get(request.object.ufsKey);
    if (!known) {
      const answer = { status: 404, code: 'NoSuchKey', message: 'The specified key does not exist.' };
      return { ...answered, kind: 'absent', answer };
    }
    const { info } = known;
    const condition = evaluateConditions(request.conditions ?? {}, info);
    const resolved = resolveRange(request.range, info.sizeBytes);
    const opened = { ...answered, kind: 'object', info, condition, pages: { hit: 1, total: 1 } } as const;
    if (resolved === 'unsatisfiable') return { ...opened, range: resolved, whole: false, body: undefined };
    const { range, whole } = resolved;
    const hasBody = request.want === 'bytes' && condition === 'met';
    return { ...opened, range, whole, body: hasBody ? this.#bodyOf(known, range) : undefined };
  }

  #bodyOf(
    { bytes, file, piped, pieceBytes, failure }: AtHand,
    { start, endExclusive: end }: ByteRange,
  ): OpenedObject['body'] {
    if (piped) {
      const body = new PipedBody(bytes.subarray(start, end), piped === 'whole');
      this.pipedBodies.push(body);
      return body;
    }
    if (pieceBytes !== undefined) {
      const body = new BegunBody(bytes.subarray(start, end), pieceBytes, failure);
      this.begunBodies.push(body);
      return body;
    }
    if (!file) return bytes.subarray(start, end);
    const { descriptor, sliceBytesMax } = file;
    const body = new FileBody({ file: descriptor, content: bytes, start, end, sliceBytesMax });
    this.fileBodies.push(body);
    return body;
  }

  override async open(request: OpenRequest): Promise<OpenedObject | AbsentObject> {
    return this.openNow(request);
  }
}
