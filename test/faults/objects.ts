/**
 * What the objects of a fault run may hold. Each object has versions in the order in which writes of them
 * began; the settled one is the last that was acknowledged, and a reader may get it or any later one.
 */
import { contentOf, differenceOf } from '../support/content.ts';
import type { S3Endpoint } from '../support/servers.ts';
import { rangeHeader, type WireCall, WireClient, type WireReply } from '../support/wire-client.ts';

/** Past it, a request counts as hung. */
export const patienceMs = 60_000;

export interface ByteRange {
  readonly start: number;
  readonly endExclusive: number;
}

export interface ReadOptions {
  /** Without it, the whole object. */
  readonly range?: ByteRange | undefined;
  /** The UFS is in trouble. */
  readonly ufsFails?: boolean;
}

let seeds = 0;

export class TestObject {
  readonly path: string;
  readonly sizeBytes: number;
  /** Seeds of contents, the oldest first. */
  readonly #versions: number[];
  #settled = 0;
  /** One writer at a time. */
  isWriting = false;

  constructor(path: string, sizeBytes: number) {
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.#versions = [newSeed()];
  }

  /** The content that was acknowledged last. */
  get settled(): Buffer {
    return this.#contentOf(this.#settled);
  }

  /** Whether a write's outcome is unknown. */
  get isUnsettled(): boolean {
    return this.#settled < this.#versions.length - 1;
  }

  /** The request that stores the settled content. */
  get put(): WireCall {
    return { method: 'PUT', path: this.path, headers: this.#headers, body: this.settled };
  }

  /** The request of the next write. */
  beginWrite(): WireCall {
    this.#versions.push(newSeed());
    return { ...this.put, body: this.#contentOf(this.#versions.length - 1) };
  }

  /** Metadata that goes with every version: spoilt infos show by it. */
  get #headers(): { readonly [name: string]: string } {
    return { 'x-amz-meta-name': this.path };
  }

  /** The last write was acknowledged. */
  settle(): void {
    this.#settled = this.#versions.length - 1;
  }

  /** What the UFS holds after a write whose outcome was unknown. @returns false for what nobody wrote */
  settleAs(body: Buffer): boolean {
    for (let index = this.#settled; index < this.#versions.length; index += 1) {
      if (!this.#contentOf(index).equals(body)) continue;
      this.#versions.length = index + 1;
      this.#settled = index;
      return true;
    }
    return false;
  }

  /**
   * Begins a read: what it says then tells what is wrong with the answer, or undefined. Where the UFS
   * fails, an S3 error and a cut are right answers too.
   */
  beginRead({ range, ufsFails = false }: ReadOptions = {}): (reply: WireReply) => string | undefined {
    const [oldest, { isWriting }] = [this.#settled, this];
    const countBefore = this.#versions.length;
    return (reply) => {
      const { start, endExclusive } = range ?? { start: 0, endExclusive: this.sizeBytes };
      if (ufsFails && [500, 503].includes(reply.status) && reply.code !== undefined) return undefined;
      if (reply.status !== (range ? 206 : 200)) return `answered ${reply.status} ${reply.code}`;
      const name = reply.headers['x-amz-meta-name'];
      if (name !== this.path) return `the metadata of ${name}`;
      let difference: string | undefined;
      for (let index = this.#versions.length - 1; index >= oldest; index -= 1) {
        const whole = this.#contentOf(index).subarray(start, endExclusive);
        difference = differenceOf(reply.body, reply.isCut ? whole.subarray(0, reply.body.length) : whole);
        if (difference === undefined) break;
      }
      // An object that is written to while it is read changes, and its reader may be cut.
      const mayBeCut = ufsFails || isWriting || this.#versions.length > countBefore;
      if (difference !== undefined || !reply.isCut || mayBeCut) return difference;
      return `cut after ${reply.body.length} bytes`;
    };
  }

  #contentOf(index: number): Buffer {
    return contentOf(this.#versions[index]!, this.sizeBytes);
  }
}

function newSeed(): number {
  seeds += 1;
  return seeds;
}

/** `count` objects of a size each; none is stored yet. */
export function testObjects(
  bucket: string,
  kinds: readonly { readonly count: number; readonly sizeBytes: number }[],
): TestObject[] {
  return kinds.flatMap(({ count, sizeBytes }) =>
    Array.from({ length: count }, (_, at) => new TestObject(`/${bucket}/${sizeBytes}/${at}`, sizeBytes)),
  );
}

/** Stores all of them where `server` is, behind everybody's back. */
export async function storeAll(server: S3Endpoint, objects: readonly TestObject[]): Promise<void> {
  const client = new WireClient(server);
  try {
    await inParallel(objects, async ({ put }) => {
      const { status, code } = await client.send(put);
      if (status !== 200) throw new Error(`PUT ${put.path} was answered with ${status} ${code}`);
    });
  } finally {
    client.close();
  }
}

/** Reads every object whole. @returns what was wrong, in words */
export async function faultsOfAll(client: WireClient, objects: readonly TestObject[]): Promise<string[]> {
  const faults: string[] = [];
  await inParallel(objects, async (object) => {
    const fault = await faultOfRead(client, object);
    if (fault !== undefined) faults.push(`${object.path}: ${fault}`);
  });
  return faults;
}

/** Reads an object, or a range of it. @returns what was wrong, in words */
export async function faultOfRead(
  client: WireClient,
  object: TestObject,
  options: ReadOptions = {},
): Promise<string | undefined> {
  const { range } = options;
  const judge = object.beginRead(options);
  const headers = range && rangeHeader(range.start, range.endExclusive);
  try {
    return judge(await client.sendWithin(patienceMs, { path: object.path, ...(headers && { headers }) }));
  } catch (error) {
    return String(error);
  }
}

/** `work` on each, a few at a time. */
export async function inParallel<T>(
  list: readonly T[],
  work: (one: T) => Promise<void>,
  atOnce = 8,
): Promise<void> {
  const rest = list.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const one of rest) await work(one);
    }),
  );
}
